"""What ended long ago leaves the store, so that it does not grow for ever.

The rule of this file: a little at a time. Submits go before it, and what is left is still there for the next round.
Several gateways may sweep at once, and none need do it.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from gateway.core.retention import horizon
from gateway.ports import Clock, Past, Swept

_LOG: Final = logging.getLogger("tollhouse.sweep")
_BATCH: Final = 20
_BATCHES: Final = 1000
_PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Sweep:
    """One round of a loop for `service/background.py`. `pause_s` is the rest between two batches."""

    past: Past
    clock: Clock
    pause_s: float = _PAUSE_S

    async def __call__(self) -> tuple[int, int]:
        """Remove what may go, batch by batch; how many holds and accounts went. Raises StoreUnavailable."""
        holds = accounts = 0
        for _ in range(_BATCHES):
            hold_batch, account_batch = await self._batch()
            holds, accounts = holds + hold_batch.gone, accounts + account_batch.gone
            if max(hold_batch.found, account_batch.found) < _BATCH:
                break
            await asyncio.sleep(self.pause_s)
        if holds or accounts:
            _LOG.info("swept %d holds and %d accounts that ended long ago", holds, accounts)
        return holds, accounts

    async def _batch(self) -> tuple[Swept, Swept]:
        now = self.clock.now()
        before = horizon(now)
        return (
            await self.past.sweep_holds(now, before, _BATCH),
            await self.past.sweep_accounts(now, before, _BATCH),
        )
