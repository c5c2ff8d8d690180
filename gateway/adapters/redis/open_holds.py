"""Open holds in the store, by the indices that admission and moves keep."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Set
from datetime import datetime
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store
from gateway.core.hold_list import Stand
from gateway.core.ledger import Hold, State
from gateway.core.recall import HoldRecord
from gateway.ports import Ledger

_PAGE: Final = 500
_STATES: Final = (State.HELD, State.IN_DOUBT)


class RedisOpenHolds:
    """Implements `ports.OpenHolds`."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    async def of(self, senders: Set[str]) -> AsyncIterator[HoldRecord]:
        for state in _STATES:
            async for page in self._pages(keys.OPEN[state]):
                for record in page:
                    if record.state in _STATES and record.hold.sender in senders:
                        yield record

    async def _pages(self, index: str) -> AsyncIterator[list[HoldRecord]]:
        """Page by cursor: by rank, a hold that leaves the index would hide another behind it."""
        cursor = 0
        while True:
            cursor, members = await self._store.command("ZSCAN", index, cursor, "COUNT", _PAGE)
            yield await self._found(hold_id for hold_id, _ in members)
            if cursor == 0:
                return

    async def overdue(self, before: datetime, limit: int) -> tuple[Hold, ...]:
        index = keys.OPEN[State.HELD]
        ids = await self._store.command(
            "ZRANGE", index, "-inf", f"({codec.micros(before)}", "BYSCORE", "LIMIT", 0, limit
        )
        return tuple(record.hold for record in await self._found(ids) if record.state is State.HELD)

    async def indexed(self, state: State, limit: int | None = None) -> Mapping[str, datetime]:
        """Implements `ports.IndexedHolds`."""
        last = -1 if limit is None else limit - 1
        scored = await self._store.command("ZRANGE", keys.OPEN[state], 0, last, "WITHSCORES")
        pairs = zip(scored[::2], scored[1::2], strict=True)
        return {hold_id.decode(): codec.instant(int(float(at))) for hold_id, at in pairs}

    async def _found(self, hold_ids: Iterable[bytes]) -> list[HoldRecord]:
        records = await asyncio.gather(*(self._ledger.find(hold_id.decode()) for hold_id in hold_ids))
        return [record for record in records if record is not None]

    async def behind(self, state: State, after: Stand | None, count: int) -> tuple[Stand, ...]:
        """Implements `ports.ListedHolds`. Those of one instant are by id, here as in the store."""
        lowest, passed = "-inf" if after is None else after.since_us, 0
        while True:
            scored = await self._store.command(
                "ZRANGE", keys.OPEN[state], lowest, "+inf", "BYSCORE", "LIMIT", passed, count, "WITHSCORES"
            )
            stands = [Stand(int(float(at)), hold.decode()) for hold, at in zip(scored[::2], scored[1::2], strict=True)]
            found = [one for one in stands if after is None or _order(one) > _order(after)]
            if found or len(stands) < count:
                return tuple(found)
            passed += count


def _order(stand: Stand) -> tuple[int, bytes]:
    return stand.since_us, stand.hold.encode()
