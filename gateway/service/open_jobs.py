"""Jobs without an end, by the store's index: looked up once, and remembered for as long as they stand there.

The rule of this file: all who follow jobs share it, and it takes little of the time which submits need as well. So the
index is read once for all, not twice in a moment, and no further than what can be looked up in one go.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.core.ledger import Hold, State
from gateway.core.recall import HoldRecord
from gateway.ports import Clock, IndexedHolds, Ledger

_FRESH_S: Final = 1.5
_AT_ONCE: Final = 100
# The oldest so many are followed, and so many more are looked up in one go.
_FOLLOWED: Final = 20_000
_LOOKED_UP: Final = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A job that runs, by what the store knows, since it was captured; or one that was lost since."""

    id: str
    hold: Hold
    lost: bool
    since: datetime


@dataclass(slots=True)
class OpenJobs:
    """`jobs` are all that were found; `behind` is whether there are more than could be looked up."""

    holds: IndexedHolds
    ledger: Ledger
    clock: Clock
    jobs: tuple[Job, ...] = ()
    behind: bool = False
    _known: dict[str, Job | None] = field(default_factory=dict)
    _looked_at: float = -math.inf

    async def look(self) -> None:
        """Look up what is open, unless somebody just did. Raises StoreUnavailable."""
        now = self.clock.monotonic()
        if now - self._looked_at < _FRESH_S:
            return
        known: dict[str, Job | None] = {}
        behind = False
        for state in (State.CAPTURED, State.LOST):
            since = await self.holds.indexed(state, min(_FOLLOWED, len(self._known) + _LOOKED_UP + 1))
            new = [hold for hold, at in since.items() if not self._knows(hold, at)]
            behind |= len(new) > _LOOKED_UP
            found = await self._looked_up(new[:_LOOKED_UP])
            for hold, at in since.items():
                if hold in found:
                    known[hold] = _job(found[hold], at)
                elif self._knows(hold, at):
                    known[hold] = self._known[hold]
        self._known, self.behind, self._looked_at = known, behind, now
        self.jobs = tuple([job for job in known.values() if job is not None])

    def _knows(self, hold: str, since: datetime) -> bool:
        """A hold that was lost or rebound meanwhile is in its index anew."""
        known = self._known.get(hold)
        return hold in self._known and (known is None or known.since == since)

    async def _looked_up(self, holds: list[str]) -> Mapping[str, HoldRecord]:
        found: dict[str, HoldRecord] = {}
        for start in range(0, len(holds), _AT_ONCE):
            records = await asyncio.gather(*(self.ledger.find(hold) for hold in holds[start : start + _AT_ONCE]))
            found |= {record.hold.id: record for record in records if record is not None}
        return found


def _job(record: HoldRecord, since: datetime) -> Job | None:
    """None for what has ended meanwhile."""
    if record.job is None or record.state not in (State.CAPTURED, State.LOST):
        return None
    return Job(record.job, record.hold, record.state is State.LOST, since)
