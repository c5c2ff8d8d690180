"""What teams ask of their own jobs after they were accepted: status, cancel, and the list of them.

The rule of this file: whose a job is, is read before anything is asked upstream. A job of another team, or of the other
kind of key, is answered like one that never was: by us, in the same words, after the same one look. Where that look
tells nothing, nobody guesses. What the upstream then says of an end is booked before it is passed on.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from gateway.core.ending import Ending, JobStatus, Running, Source, read_status
from gateway.core.job_list import JobPage, Wanted
from gateway.core.outcome import StoreDown
from gateway.core.principal import Principal
from gateway.core.recall import HoldRecord
from gateway.core.reply import Reply
from gateway.core.value import value
from gateway.ports import Clock, Gate, Jobs, Ledger, Question, StoreUnavailable, Unanswered, Upstream
from gateway.service.lifecycle import Lifecycle, booking
from gateway.service.outbox import Outbox

_LOG: Final = logging.getLogger("tollhouse.jobs")


@dataclass(frozen=True, slots=True)
class NoSuchJob:
    """No job of the team: another's, or none at all."""


@value
class Call:
    """A call about one job: whose it is, which job, the target as it was sent, and headers to send on."""

    principal: Principal
    job: str
    target: str
    headers: Mapping[str, str]


Answered: TypeAlias = Reply | NoSuchJob | StoreDown | Unanswered


@dataclass(frozen=True, slots=True)
class JobDesk:
    """The use case and what it works with. `patience` is how long the upstream has for an answer."""

    ledger: Ledger
    jobs: Jobs
    lifecycle: Lifecycle
    outbox: Outbox
    upstream: Upstream
    sandbox: Upstream
    guard: Gate
    clock: Clock
    patience: timedelta

    async def status(self, call: Call) -> Answered:
        """Pass a status call on, and learn from its reply."""
        record = await self._owned(call)
        if not isinstance(record, HoldRecord):
            return record
        reply = await self._ask("GET", call, None)
        said = read_status(reply, call.job) if isinstance(reply, Reply) else None
        if said is not None:
            await self._learn(record, said, Source.CLIENT)
        return reply

    async def cancel(self, call: Call) -> Answered:
        """Forward a cancel, marked before it is, so that nobody books an end before the reply has named an amount."""
        record = await self._owned(call)
        if not isinstance(record, HoldRecord):
            return record
        try:
            await self.jobs.cancelling(record.hold.id, self.clock.now())
        except StoreUnavailable as error:
            return StoreDown(str(error))
        reply = await self._ask("POST", call, b"")
        said = read_status(reply, call.job) if isinstance(reply, Reply) else None
        if said is not None:
            await self._learn(record, said, Source.CANCEL)
        return reply

    async def page(self, principal: Principal, wanted: Wanted) -> JobPage | StoreDown:
        """The team's jobs, as last learnt. The upstream is not asked."""
        if (doubt := self.guard.doubted) is not None:
            return StoreDown(doubt)
        try:
            return await self.jobs.page(principal.team, wanted, test=principal.key.test)
        except StoreUnavailable as error:
            return StoreDown(str(error))

    async def _owned(self, call: Call) -> HoldRecord | NoSuchJob | StoreDown:
        """The hold of the job, if it is the principal's."""
        try:
            record = await self.ledger.owner(call.job)
        except StoreUnavailable as error:
            return StoreDown(str(error))
        if record is not None and _owns(call.principal, record.hold.team, test=record.hold.test):
            return record
        if (doubt := self.guard.doubted) is not None:
            # A store that lost history may have lost this job; it is told of again before holds are made.
            return StoreDown(doubt)
        if any(_owns(call.principal, hold.team, test=hold.test) for hold in self.outbox.capturing(call.job)):
            return StoreDown("the job was accepted and is not booked yet")
        return NoSuchJob()

    async def _ask(self, method: str, call: Call, body: bytes | None) -> Reply | Unanswered:
        upstream = self.sandbox if call.principal.key.test else self.upstream
        deadline = self.clock.monotonic() + self.patience.total_seconds()
        return await upstream.ask(Question(method, call.target, call.headers, body, deadline))

    async def _learn(self, record: HoldRecord, said: Ending | Running, source: Source) -> None:
        """Keep what was heard. Who asked gets the answer all the same: what is not kept now is learnt again."""
        try:
            if not isinstance(said, Running):
                await self.lifecycle.ended_of(record, said, source)
            elif said.status is JobStatus.PROCESSING and record.status is JobStatus.PENDING:
                await self.jobs.processing(record.hold.id)
        except StoreUnavailable as error:
            fields = {"hold": record.hold.id, "job": record.job, "source": source, "cause": str(error)}
            _LOG.warning("what the upstream said of a job could not be booked yet", extra={"fields": fields})
            if source is Source.CANCEL and not isinstance(said, Running):
                # Nobody else will hear the amount that a cancel's reply names.
                self.outbox.later(booking(record, said, source, self.clock.now()))


def _owns(principal: Principal, team: str, *, test: bool) -> bool:
    return principal.team == team and principal.key.test == test
