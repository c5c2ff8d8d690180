"""What settling remembers in the store, for whichever gateway settles next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store

_REMEMBERED: Final = timedelta(days=7)


class RedisFindings:
    """Implements `ports.Findings`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def watermark(self, name: str) -> datetime | None:
        at = await self._store.command("HGET", keys.WATERMARKS, name)
        return None if at is None else codec.instant(int(at))

    async def raise_watermark(self, name: str, to: datetime) -> None:
        await self._store.command("HSET", keys.WATERMARKS, name, codec.micros(to))

    async def given_up(self, hold_id: str, now: datetime) -> None:
        await self._store.command("ZADD", keys.GIVEN_UP, codec.micros(now), hold_id)

    async def all_given_up(self, now: datetime) -> Mapping[str, datetime]:
        long_ago = codec.micros(now - _REMEMBERED)
        await self._store.command("ZREMRANGEBYSCORE", keys.GIVEN_UP, "-inf", long_ago)
        scored = await self._store.command("ZRANGE", keys.GIVEN_UP, 0, -1, "WITHSCORES")
        pairs = zip(scored[::2], scored[1::2], strict=True)
        return {hold_id.decode(): codec.instant(int(float(at))) for hold_id, at in pairs}
