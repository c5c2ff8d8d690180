"""How the store is: whose it is, whether it is frozen, what is open in it, and what its clock says."""

import asyncio
from datetime import datetime
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store
from gateway.core.ledger import State
from gateway.ports import Vitals

_DUE: Final = (State.HELD, State.IN_DOUBT)


class RedisVitals:
    """Implements `ports.StoreVitals`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, now: datetime) -> Vitals:
        """The store's figures; the skew is `now` minus the store's clock. Raises StoreUnavailable."""
        command = self._store.command
        (epoch, frozen), (seconds, micros), counts, oldest = await asyncio.gather(
            command("HMGET", keys.STORE, "epoch", "frozen"),
            command("TIME"),
            asyncio.gather(*(command("ZCARD", index) for index in keys.OPEN.values())),
            asyncio.gather(*(command("ZRANGE", keys.OPEN[state], 0, 0, "WITHSCORES") for state in _DUE)),
        )
        at = codec.micros(now)
        due = [at - int(float(scored[1])) for scored in oldest if scored]
        return Vitals(
            epoch=epoch.decode() if epoch else None,
            frozen=frozen is not None,
            holds={state: int(count) for state, count in zip(keys.OPEN, counts, strict=True)},
            oldest_due_seconds=max([0, *due]) / 1e6,
            clock_skew_seconds=(at - int(seconds) * 1_000_000 - int(micros)) / 1e6,
        )
