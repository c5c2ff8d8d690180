"""When it is worth asking again for whoever has too many jobs in flight: when enough of those that run may have ended.

The rule of this file: it is advice, and it costs little. What was found for an account is good for a moment, however
many are refused meanwhile; and where nothing is known, the refusal stays as it is.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway.core.account import Account
from gateway.core.refusal import Failure, Refusal, freed
from gateway.ports import Clock, Jobs, StoreUnavailable
from gateway.service.submit import Submitted

_FRESH_S: Final = 1.0
_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class InFlight:
    """The use case and what it works with."""

    jobs: Jobs
    clock: Clock
    _known: dict[Account, tuple[float, tuple[datetime, ...]]] = field(default_factory=dict)

    async def __call__(self, submitted: Submitted) -> Submitted:
        """The same, with the time at which there may be room, where all that stands in the way are running jobs."""
        refusal = submitted.submission
        if not isinstance(refusal, Refusal) or not refusal.waits_for_jobs:
            return submitted
        try:
            times = [await self._freed(failure) for failure in refusal.failed]
        except StoreUnavailable:
            return submitted
        frees_at = max((time for time in times if time is not None), default=None)
        return replace(submitted, submission=replace(refusal, frees_at=frees_at))

    async def _freed(self, failure: Failure) -> datetime | None:
        return freed(failure, await self._ends(failure.demand.account))

    async def _ends(self, account: Account) -> tuple[datetime, ...]:
        now = self.clock.monotonic()
        known = self._known.get(account)
        if known is not None and now - known[0] < _FRESH_S:
            return known[1]
        ends = await self.jobs.ends(account)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[account] = (now, ends)
        return ends
