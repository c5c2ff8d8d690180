"""Many keys and many holds, written straight into the store in the form that the gateway itself gave to one of each.

The rule of this file: no encoding is known here. A record that the gateway wrote is the pattern of all others; only
the names in it change.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from bench.house import PEPPER, House
from bench.policies import team_name
from bench.store import Command
from gateway.adapters.redis import keys
from gateway.core.key_secret import ENTROPY_BYTES, Kind, digest, mint, parse_peppers
from gateway.core.ledger import State

_PEPPERS: Final = parse_peppers(PEPPER)


def _entropy(word: str) -> bytes:
    """Bytes that are always the same for a word: a benchmark draws nothing."""
    return hashlib.sha512(word.encode()).digest()[:ENTROPY_BYTES]


def crowd_of_keys(house: House, count: int, used: int, teams: int = 1) -> tuple[str, ...]:
    """Write `count` keys, spread over the teams; returns the secrets of the first `used`."""
    house.issue_key(team_name(0))
    store: Any = house.store.client
    (pattern_id,) = store.zrange(keys.KEYS, 0, -1)
    pattern = store.hgetall(keys.key(pattern_id.decode()))
    pepper = _PEPPERS.versions[_PEPPERS.current]
    secrets = [mint(Kind.LIVE, _entropy(f"key {number}")) for number in range(used)]
    digests = [digest(secret, pepper) for secret in secrets]
    house.store.write(_keys(pattern_id, pattern, count, digests, teams))
    return tuple(secrets)


def _keys(
    pattern_id: bytes, pattern: dict[bytes, bytes], count: int, digests: Sequence[str], teams: int
) -> Iterator[Command]:
    old_digest = _quoted_after(pattern[b"record"], b'"digest":')
    old_team = b'"team":' + _quoted_after(pattern[b"record"], b'"team":')
    for number in range(count):
        key_id = f"key_{number:020d}"
        found = digests[number] if number < len(digests) else f"{number:064x}"
        team = f'"team":"{team_name(number % teams)}"'.encode()
        record = pattern[b"record"].replace(pattern_id, key_id.encode()).replace(old_team, team)
        fields = {**pattern, b"record": record.replace(old_digest, f'"{found}"'.encode())}
        yield "HSET", keys.key(key_id), *(word for pair in fields.items() for word in pair)
        yield "SET", keys.digest(found), key_id
        mine = team_name(number % teams)
        for index, place in ((keys.KEYS, "0"), (keys.keys_of(mine), "0"), (keys.usable_keys(mine, test=False), "+inf")):
            yield "ZADD", index, place, key_id


def _quoted_after(record: bytes, name: bytes) -> bytes:
    """The JSON string, with its quotes, that follows a name."""
    return b'"' + record.split(name, 1)[1].split(b'"', 2)[1] + b'"'


def crowd_of_holds(house: House, count: int) -> None:
    """Write `count` captured holds like the one that is there, with their jobs; accounts and entries stay as they are.

    Records of the ledger's entries leave the store once they are exported, so they are no part of an open hold.
    """
    store: Any = house.store.client
    ((pattern_id, captured_at),) = store.zrange(keys.OPEN[State.CAPTURED], 0, 0, withscores=True)
    pattern = store.hgetall(keys.hold(pattern_id.decode()))
    house.store.write(_holds(pattern_id, pattern, captured_at, count))


def _holds(pattern_id: bytes, pattern: dict[bytes, bytes], captured_at: float, count: int) -> Iterator[Command]:
    for number in range(count):
        hold_id, job_id = f"hold_{number:032d}", f"job_crowd{number:016d}"
        own = {name: value.replace(pattern_id, hold_id.encode()) for name, value in pattern.items()}
        own = {**own, b"job": job_id.encode()}
        yield "HSET", keys.hold(hold_id), *(word for pair in own.items() for word in pair)
        yield "ZADD", keys.OPEN[State.CAPTURED], f"{captured_at:.0f}", hold_id
        yield "SET", keys.job(job_id), hold_id
