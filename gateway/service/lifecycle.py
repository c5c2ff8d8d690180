"""A job's end, from whoever told us of it first: the one place where an end becomes a finish or a refund.

The rule of this file: the first terminal fact sets the state, once, whoever says it and however often. A refund is what
the upstream names, else what was posted; an amount named later corrects it once; and never does more come back than was
posted. A fact that contradicts the end, or that cannot be, is written down as an anomaly, and moves nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.ending import Cancelled, Completed, Ending, Failed, Source
from gateway.core.figures import JobEnded
from gateway.core.ledger import Moved, Outcome, State, Verb
from gateway.core.money import MicroUsd
from gateway.core.recall import HoldRecord
from gateway.core.timestamp import timestamp
from gateway.ports import Clock, Ledger, Telemetry
from gateway.service.outbox import Intent

_LOG: Final = logging.getLogger("tollhouse.lifecycle")
ANOMALY: Final = "anomaly"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The use case and what it works with."""

    ledger: Ledger
    telemetry: Telemetry
    clock: Clock

    async def ended(self, job: str, ending: Ending, source: Source) -> Moved | None:
        """Book the end of a job; None where no hold owns it. Raises StoreUnavailable, and may then be asked again."""
        record = await self.ledger.owner(job)
        if record is None:
            await self._unknown(job, ending, source)
            return None
        return await self.ended_of(record, ending, source)

    async def ended_of(self, record: HoldRecord, ending: Ending, source: Source) -> Moved:
        """Book the end of the job of a hold as it was just read. Raises StoreUnavailable."""
        if _known(record, ending):
            return Moved(Outcome.ALREADY, record.state, ())
        moved = await self._book(record, ending, source)
        self._count(record, ending, source, moved)
        return moved

    async def _book(self, record: HoldRecord, ending: Ending, source: Source) -> Moved:
        now, named = self.clock.now(), None if isinstance(ending, Completed) else ending.refunded
        if record.state is not State.REFUNDED or named is None:
            moved = await self._make(booking(record, ending, source, now), now)
            if moved.was is not State.REFUNDED or named is None:
                return moved
            # Somebody else was first, and may have known no amount.
            record = await self.ledger.find(record.hold.id) or record
        return await self._make(_correction(record, named, source), now)

    async def _make(self, intent: Intent, now: datetime) -> Moved:
        return await self.ledger.move(intent.verb, intent.hold, now, cost=intent.cost, facts=intent.facts)

    async def _unknown(self, job: str, ending: Ending, source: Source) -> None:
        """Money came back for a job that nobody here asked for."""
        if isinstance(ending, Completed):
            return
        facts = {"cause": "refund of an unknown job", "job": job, "source": source.value, "status": ending.status.value}
        if await self.ledger.note(ANOMALY, job, self.clock.now(), facts):
            _LOG.error("a refund of an unknown job", extra={"fields": facts})
            self.telemetry.ended(JobEnded(None, ending.status, Outcome.ANOMALY))

    def _count(self, record: HoldRecord, ending: Ending, source: Source, moved: Moved) -> None:
        if moved.outcome is Outcome.ANOMALY and record.contradicted:
            return
        posted = record.cost or 0
        named = None if isinstance(ending, Completed) else ending.refunded
        fields = {"hold": record.hold.id, "job": record.job, "status": ending.status, "source": source}
        if moved.outcome is Outcome.ANOMALY:
            _LOG.error("an end that contradicts the one before", extra={"fields": {**fields, "was": moved.was}})
        elif moved.outcome in _REFUNDS and named is not None and named > posted:
            _LOG.error("a refund larger than the charge", extra={"fields": {**fields, "named": named}})
        elif moved.outcome in _ENDS:
            _LOG.info("a job ended", extra={"fields": {**fields, "team": record.hold.team, "refunded": named}})
        seen = JobEnded(
            record.hold,
            ending.status,
            moved.outcome,
            refunded=posted if named is None else min(named, posted),
            surplus=max(0, (named or 0) - posted),
        )
        self.telemetry.ended(seen)


_REFUNDS: Final = frozenset({Outcome.REFUNDED, Outcome.REFUNDED_LATE, Outcome.ADJUSTED})
_ENDS: Final = _REFUNDS | {Outcome.FINISHED, Outcome.FINISHED_LATE}


def booking(record: HoldRecord, ending: Ending, source: Source, now: datetime) -> Intent:
    """The move that books an end which is the first, learnt at `now` (UTC)."""
    posted = record.cost or 0
    facts = {"status": ending.status.value, "source": source.value, "ended_at": timestamp(ending.at or now)}
    match ending:
        case Completed(cost):
            return Intent(Verb.FINISH, record.hold, facts={**facts, **_final_cost(cost, record.cost)})
        case Failed(refunded) | Cancelled(refunded):
            back = posted if refunded is None else min(refunded, posted)
            return Intent(Verb.REFUND, record.hold, cost=back, facts={**facts, **_amounts(back, refunded, posted)})


def _correction(record: HoldRecord, named: MicroUsd, source: Source) -> Intent:
    """The move that makes of a refund of all that was posted what the upstream says it gave back."""
    posted, before = record.cost or 0, record.refunded or 0
    back = min(named, posted)
    facts = {"source": source.value, **_amounts(back, named, posted)}
    return Intent(Verb.ADJUST, record.hold, cost=before - back, facts=facts)


def _known(record: HoldRecord, ending: Ending) -> bool:
    """Whether all that the end says has been booked, or written down, by what was just read."""
    match ending:
        case Completed():
            return record.state is State.FINISHED or (record.state is State.REFUNDED and record.contradicted)
        case Failed(refunded) | Cancelled(refunded):
            if record.state is State.FINISHED:
                return record.contradicted
            return record.state is State.REFUNDED and (refunded is None or record.refund_named)


def _amounts(back: MicroUsd, named: MicroUsd | None, posted: MicroUsd) -> Mapping[str, str]:
    """What an entry says of money that came back, and what the upstream said of it."""
    facts = {"refunded": str(back)}
    if named is not None:
        facts["named"] = str(named)
        if named > posted:
            facts[ANOMALY] = "refund larger than the charge"
    return facts


def _final_cost(final: MicroUsd | None, posted: MicroUsd | None) -> Mapping[str, str]:
    """A final cost that is not what was posted is written down, and moves nothing before somebody reconciles."""
    if final is None or posted is None or final == posted:
        return {}
    return {"final_cost": str(final), "drift": str(final - posted)}
