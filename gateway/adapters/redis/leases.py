"""Leases in the store: each ends by itself when its holder does not come back for it."""

from typing import Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store

_LEASE: Final = Script("lease")


class RedisLeases:
    """Implements `ports.Leases`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        (answer,) = await self._store.run(_LEASE, [keys.STORE, keys.lease(name)], [holder, int(seconds * 1000)])
        return bool(answer == b"yours")

    async def leave(self, name: str, holder: str) -> None:
        await self._store.run(_LEASE, [keys.STORE, keys.lease(name)], [holder, 0])
