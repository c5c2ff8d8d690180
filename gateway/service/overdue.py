"""Holds whose submit must have ended long ago and of which nobody said how: they are in doubt.

The rule of this file: time moves no money. A hold past its deadline stays as large as it was; it only gets an owner,
whoever looks for evidence. Several gateways may do this at once, and it does not matter whose hold it is.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.core.ledger import Verb
from gateway.ports import Clock, Ledger, OpenHolds

_LOG: Final = logging.getLogger("tollhouse.overdue")
_GRACE: Final = timedelta(seconds=10)
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Overdue:
    """One round of a loop for `service/background.py`."""

    ledger: Ledger
    holds: OpenHolds
    clock: Clock

    async def __call__(self) -> int:
        """Put those in doubt that are; how many there were. Raises StoreUnavailable."""
        now = self.clock.now()
        late = await self.holds.overdue(now - _GRACE, _BATCH)
        facts = {"cause": "no answer by its deadline"}
        await asyncio.gather(*(self.ledger.move(Verb.DOUBT, hold, now, facts=facts) for hold in late))
        if late:
            _LOG.warning("%d holds got no answer by their deadline and are in doubt", len(late))
        return len(late)
