"""The keys in the store as lists of them: of all teams, of one, of those that are usable, of those that expire.

`put_key.lua` writes each key into all of them, with the key itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.core.key_list import KeyPage, KeyPlace, KeyRow, KeysWanted
from gateway.core.principal import VirtualKey

_PAGE: Final = Script("key_page")
_USE: Final = Script("use_keys")
_RECORD: Final = TypeAdapter(VirtualKey)
# How many keys are looked at for one page, where few are what is wanted: so many times so many.
_BATCHES: Final = 10
_AT_ONCE: Final = 200
_HOUR_US: Final = 3_600_000_000


class RedisKeyIndex:
    """Implements `ports.keys.KeyIndex`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, wanted: KeysWanted, now: datetime) -> KeyPage:
        index = keys.KEYS if wanted.team is None else keys.keys_of(wanted.team)
        after, rows = wanted.after, list[KeyRow]()
        # One more than is shown tells whether there are more.
        count = wanted.limit + 1 if wanted.plain else _AT_ONCE
        for _ in range(_BATCHES):
            found = await self._some(index, after, count)
            rows += [row for row in found if wanted.takes(row.key, now)]
            if len(rows) > wanted.limit:
                return KeyPage(tuple(rows[: wanted.limit]), rows[wanted.limit - 1].place)
            if len(found) < count:
                return KeyPage(tuple(rows), None)
            after = found[-1].place
        return KeyPage(tuple(rows), after)

    async def _some(self, index: str, after: KeyPlace | None, count: int) -> list[KeyRow]:
        behind: tuple[Argument, ...] = ("", 0) if after is None else (after.id, after.created_us)
        return list(map(_row, await self._store.run(_PAGE, [index], [keys.key(""), *behind, count])))

    async def used_in(self, key_id: str) -> datetime | None:
        return _hour(await self._store.command("HGET", keys.key(key_id), "used") or b"")

    async def ids(self, team: str) -> tuple[str, ...]:
        found = await self._store.command("ZRANGE", keys.keys_of(team), 0, -1)
        return tuple(one.decode() for one in found)

    async def usable(self, team: str, now: datetime) -> tuple[str, ...]:
        index, usable = keys.usable_keys(team, test=False), f"({codec.micros(now)}"
        found = await self._store.command("ZRANGE", index, usable, "+inf", "BYSCORE")
        return tuple(one.decode() for one in found)

    async def count_usable(self, team: str, now: datetime) -> int:
        indexes = [keys.usable_keys(team, test=test) for test in (False, True)]
        counts = [await self._store.command("ZCOUNT", index, f"({codec.micros(now)}", "+inf") for index in indexes]
        return sum(map(int, counts))

    async def expiring(self, now: datetime, until: datetime) -> Mapping[str, int]:
        between = (f"({codec.micros(now)}", codec.micros(until))
        found: dict[str, int] = {}
        for named in await self._store.command("ZRANGE", keys.EXPIRING, *between, "BYSCORE"):
            team = named.decode().partition(" ")[0]
            found[team] = found.get(team, 0) + 1
        return found

    async def note_used(self, ids: Sequence[str], hour: int) -> None:
        await self._store.run(_USE, [keys.key(one) for one in ids], [hour])


def put_arguments(key: VirtualKey) -> tuple[list[str], list[Argument]]:
    """The lists that `put_key.lua` has a key in, and where in each, as what."""
    issued: Argument = codec.micros(key.created_at)
    expires: Argument = "" if key.revoked_at or key.expires_at is None else codec.micros(key.expires_at)
    ends: Argument = "" if key.revoked_at else "+inf" if key.expires_at is None else expires
    lists = [keys.KEYS, keys.keys_of(key.team), keys.usable_keys(key.team, test=key.test), keys.EXPIRING]
    return lists, [issued, key.id, issued, key.id, ends, key.id, expires, f"{key.team} {key.id}"]


def _row(found: Iterable[Any]) -> KeyRow:
    key_id, issued, record, used = found
    return KeyRow(_RECORD.validate_json(record), _hour(used), KeyPlace(int(float(issued)), key_id.decode()))


def _hour(text: bytes) -> datetime | None:
    """The hour that is so many hours after 1970 began."""
    return codec.instant(int(text) * _HOUR_US) if text else None
