"""What ended long ago leaves the store, so that it does not grow for ever.

The rule of this file: a little at a time. Submits go before it, and what is left is still there for the next round.
Several gateways may sweep at once, and none need do it.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from gateway.core.retention import Swept, horizon
from gateway.ports import Clock

_LOG: Final = logging.getLogger("tollhouse.sweep")
_BATCH: Final = 10
_BATCHES: Final = 5000
_PAUSE_S: Final = 0.01


class Past(Protocol):
    """What ended at `horizon` or before, the oldest first, and its removal.

    Each is removed whole or not at all, and only if it still may go then. Both raise StoreUnavailable.
    """

    async def sweep_holds(self, now: datetime, horizon: datetime, limit: int) -> Swept:
        """Holds that ended, with all that leads to them."""
        ...

    async def sweep_accounts(self, now: datetime, horizon: datetime, limit: int) -> Swept:
        """Accounts of ended windows, of those that a hold named which is gone."""
        ...


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
