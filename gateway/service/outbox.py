"""Moves that the store has not acknowledged yet, asked again until it does.

A hold whose move is here is still held, so nothing can be overspent meanwhile. Every move is idempotent by hold and
state, so asking again is safe. A capture that waits here is on disk before anybody is answered; what else is here is
lost with the process, and the hold itself stays, due, in the store.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.core.acceptance import Acceptance
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import Hold, Moved, Outcome, Verb
from gateway.ports import Clock, Ledger, Spool, SpoolUnavailable, StoreUnavailable
from gateway.service.intent import Intent as Intent
from gateway.service.intent import job_bound as job_bound
from gateway.service.rebind import rebind

_LOG: Final = logging.getLogger("tollhouse.outbox")
_RETRY_S: Final = 0.5
# See `core/word.py`.
_JOB_BOUND: Final = Outcome.JOB_BOUND
_ALREADY: Final = Outcome.ALREADY


class Outbox:
    """Makes moves now if it can, later if it must."""

    def __init__(self, ledger: Ledger, spool: Spool, clock: Clock) -> None:
        self._ledger = ledger
        self._spool = spool
        self._clock = clock
        self._waiting: deque[Intent] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def move(self, intent: Intent) -> Moved | None:
        """Make the move; None when the store did not say, and it will be asked again."""
        try:
            return await self._ask(intent)
        except StoreUnavailable:
            self.later(intent)
        if intent.verb is Verb.CAPTURE:
            await self._keep()
        return None

    async def capture(self, intent: Intent, answered_at: datetime) -> Moved | None:
        """Write down what the upstream took, then make the move."""
        hold = intent.hold
        acceptance = Acceptance(
            hold.id, encode_hold(hold), intent.job, intent.cost, intent.facts, answered_at, self._ledger.witness
        )
        try:
            self._spool.accepted(acceptance)
        except SpoolUnavailable as error:
            # The job runs, and the store may still take it: that is worth more than a line of ours.
            _LOG.error("an accepted job could not be written down: %s", error, extra=_about(hold))
        return await self.move(intent)

    async def _keep(self) -> None:
        try:
            await self._spool.sync()
        except SpoolUnavailable as error:
            _LOG.error("accepted jobs that the store has not acknowledged may not be on disk: %s", error)

    def later(self, intent: Intent) -> None:
        """Make the move as soon as the store answers."""
        self._waiting.append(intent)
        self._arrived.set()

    def capturing(self, job: str) -> Iterator[Hold]:
        """The holds of whose captures with this job the store has not heard yet."""
        return (one.hold for one in self._waiting if one.verb is Verb.CAPTURE and one.job == job)

    async def run(self) -> None:
        """Work off what waits, until cancelled."""
        while True:
            await self._arrived.wait()
            await self.flush()
            if self._waiting:
                await asyncio.sleep(_RETRY_S)

    async def flush(self) -> None:
        """Ask once for everything that waits, in order; what gets no answer goes on waiting, behind the others."""
        while self._waiting:
            intent = self._waiting[0]
            try:
                moved = await self._ask(intent)
            except StoreUnavailable:
                # One that the store would never take must not keep those behind it waiting for ever.
                self._waiting.rotate(-1)
                return
            self._waiting.popleft()
            if intent.verb is Verb.CAPTURE and moved.outcome is Outcome.JOB_BOUND:
                self.later(job_bound(intent.hold))
        self._arrived.clear()

    async def _ask(self, intent: Intent) -> Moved:
        moved = await self._ledger.move(
            intent.verb,
            intent.hold,
            self._clock.now(),
            job=intent.job,
            cost=intent.cost,
            facts=intent.facts,
            reply=intent.reply,
        )
        if moved.outcome is _ALREADY and intent.verb is Verb.CAPTURE:
            await rebind(self._ledger, intent, self._clock)
        if moved.outcome is not _JOB_BOUND:
            self._spool.acknowledged(intent.hold.id)
        return moved


def _about(hold: Hold) -> dict[str, dict[str, str]]:
    return {"fields": {"hold": hold.id, "request_id": hold.request_id}}
