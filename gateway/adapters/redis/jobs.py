"""Jobs in the store: what is noted of those that run."""

from datetime import datetime
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.core.ending import JobStatus

_MARK: Final = Script("mark")


class RedisJobs:
    """Implements `ports.Jobs`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def processing(self, hold_id: str) -> None:
        await self._mark(hold_id, "status", JobStatus.PROCESSING)

    async def cancelling(self, hold_id: str, now: datetime) -> None:
        await self._mark(hold_id, "cancelling_at", codec.micros(now))

    async def _mark(self, hold_id: str, field: str, text: Argument) -> None:
        await self._store.run(_MARK, [keys.hold(hold_id)], [field, text])
