"""Settles holds in doubt by what the upstream's list shows; the ladder of evidence is protocol, section 4.

The rule of this file: the list is read first, then the holds, then who owns which job: so a job that looks unowned was
not made by a submit that nobody has heard of yet. Nothing is bound or released by a walk that did not come back past
every hold it judges, nor where the account is not ours alone.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.absence import Gone, Missed, back_to, missed, patience
from gateway.core.evidence import NEAR, Candidates, Match, Nothing, Suspect, covers, may_be_told, weigh
from gateway.core.job_page import Listed
from gateway.core.ledger import Hold, Outcome, State, Verb
from gateway.core.recall import HoldRecord
from gateway.core.reply import DOCUMENTED_5XX
from gateway.core.timestamp import timestamp
from gateway.ports import Clock, Findings, IndexedHolds, Ledger, SettlingTelemetry
from gateway.service.rounds import Learnt
from gateway.service.walk import Walk

_LOG: Final = logging.getLogger("tollhouse.settle")
_AT_ONCE: Final = 100
_SOONEST: Final = timedelta(seconds=2)
_LATEST: Final = timedelta(minutes=5)
# How long after a hold was given up the list is still walked back to it.
_LOOKED_FOR: Final = timedelta(hours=1)
_REMEMBERED: Final = 100_000
_MATCHED: Final = {True: "group", False: "list"}


@dataclass(slots=True)
class Settle:
    """Implements `rounds.Interest` for holds in doubt. `ours` tells whose jobs are in this list.

    `absent_after` is TOLLHOUSE_ABSENT_AFTER; without `exclusive` the list is no evidence.
    """

    holds: IndexedHolds
    ledger: Ledger
    findings: Findings
    telemetry: SettlingTelemetry
    clock: Clock
    ours: Callable[[Hold], bool]
    absent_after: timedelta
    exclusive: bool
    _horizon: datetime | None = None
    _known: dict[str, HoldRecord] = field(default_factory=dict)
    _due: dict[str, datetime] = field(default_factory=dict)
    _missed: dict[str, datetime] = field(default_factory=dict)
    _owned: set[str] = field(default_factory=set)
    _clocks_differ: bool = False

    async def begin(self, now: datetime) -> None:
        self._horizon = None
        if not self.exclusive:
            return
        doubted = await self.holds.indexed(State.IN_DOUBT)
        given_up = await self.findings.all_given_up(now)
        wanted = [*doubted, *(hold for hold, at in given_up.items() if now - at < _LOOKED_FOR)]
        await self._look_up(wanted)
        due = [self._known[hold].hold for hold in wanted if hold in self._known and self._due.get(hold, now) <= now]
        self._horizon = min((back_to(hold) for hold in due if self.ours(hold)), default=None)

    async def _look_up(self, holds: Iterable[str]) -> None:
        """What never changes of these holds, once; what is remembered of others is forgotten."""
        wanted = set(holds)
        new = [hold for hold in wanted if hold not in self._known]
        for record in await self._found(new):
            self._known[record.hold.id] = record
        self._known = {hold: record for hold, record in self._known.items() if hold in wanted}
        self._due = {hold: at for hold, at in self._due.items() if hold in wanted}
        self._missed = {hold: at for hold, at in self._missed.items() if hold in wanted}
        if len(self._owned) > _REMEMBERED:
            self._owned.clear()

    async def _found(self, holds: list[str]) -> list[HoldRecord]:
        found: list[HoldRecord] = []
        for start in range(0, len(holds), _AT_ONCE):
            records = await asyncio.gather(*(self.ledger.find(hold) for hold in holds[start : start + _AT_ONCE]))
            found += [record for record in records if record is not None]
        return found

    def wants(self, walk: Walk) -> bool:
        return self._horizon is not None and not walk.reached(self._horizon)

    async def learn(self, walk: Walk) -> Learnt:
        """Bind, release, or wait, as the walk proves."""
        if self._horizon is None or not walk.reached(self._horizon):
            return Learnt()
        now = self.clock.now()
        records = await self.suspects(now)
        free = await self.unowned(walk, [record.hold for record in records])
        if self._clocks_differ:
            return Learnt()
        news = False
        by_id = {record.hold.id: record for record in records}
        for verdict in weigh([_suspect(record, walk, free, now) for record in records], free):
            record = by_id[verdict.hold.id]
            self._put_off(record.hold, now)
            match verdict:
                case Match(_, job, group):
                    news |= await self._bind(record, job, group, now)
                case Candidates():
                    self._missed.pop(record.hold.id, None)
                case Nothing():
                    news |= await self._miss(record, walk, now)
        return Learnt(news)

    async def suspects(self, now: datetime) -> list[HoldRecord]:
        """Every hold of ours that may have made a job which no hold owns, as it stands now."""
        held, doubted, given_up = await asyncio.gather(
            self.holds.indexed(State.HELD), self.holds.indexed(State.IN_DOUBT), self.findings.all_given_up(now)
        )
        found = await self._found(list({**held, **doubted, **given_up}))
        may = {State.HELD, State.IN_DOUBT}
        voided = [one for one in found if one.state is State.VOIDED and one.hold.id in given_up]
        return [one for one in (*(one for one in found if one.state in may), *voided) if self.ours(one.hold)]

    async def unowned(self, walk: Walk, holds: list[Hold]) -> list[Listed]:
        """Jobs of the walk that may be of one of these holds by model and time, and that no hold owns."""
        near = [job for job in walk.jobs.values() if job.job not in self._owned and _may_be_of(job, holds)]
        free: list[Listed] = []
        for start in range(0, len(near), _AT_ONCE):
            piece = near[start : start + _AT_ONCE]
            owners = await asyncio.gather(*(self.ledger.owner(job.job) for job in piece))
            for job, owner in zip(piece, owners, strict=True):
                if owner is None:
                    free.append(job)
                else:
                    self._owned.add(job.job)
                    self._compare_clocks(owner, job)
        return free

    def _compare_clocks(self, owner: HoldRecord, job: Listed) -> None:
        """A job of which we know whose it is was made while its submit was under way, or clocks differ too much."""
        if owner.matched is not None:
            return
        differ = not covers(owner.hold, job.created_at)
        if differ and not self._clocks_differ:
            fields = {"hold": owner.hold.id, "job": job.job, "created_at": timestamp(job.created_at)}
            _LOG.error("the upstream's clock and ours differ: its list is no evidence", extra={"fields": fields})
        self._clocks_differ = differ

    def _put_off(self, hold: Hold, now: datetime) -> None:
        self._due[hold.id] = now + min(max((now - hold.deadline) / 4, _SOONEST), _LATEST)

    async def _bind(self, record: HoldRecord, job: Listed, group: bool, now: datetime) -> bool:
        """The list names no cost: what was held is posted."""
        hold, matched = record.hold, _MATCHED[group]
        facts = {"matched": matched, "created_at": timestamp(job.created_at)}
        moved = await self.ledger.move(Verb.CAPTURE, hold, now, job=job.job, cost=hold.amount, facts=facts)
        fields = {"hold": hold.id, "job": job.job, "matched": matched}
        if moved.outcome is Outcome.OVERAGE:
            _LOG.error("a job appeared whose hold had been given up: it is booked", extra={"fields": fields})
        elif moved.outcome is not Outcome.CAPTURED:
            return False
        else:
            _LOG.info("a hold in doubt is captured by the list", extra={"fields": fields})
        self.telemetry.settled(hold, "late" if moved.outcome is Outcome.OVERAGE else matched)
        return True

    async def _miss(self, record: HoldRecord, walk: Walk, now: datetime) -> bool:
        hold = record.hold
        if record.state is not State.IN_DOUBT:
            return False
        answered = (record.cause or "").startswith(f"{DOCUMENTED_5XX} ")
        wait = patience(self.absent_after, answered=answered)
        match missed(hold, walk.began_at, self._missed.get(hold.id), wait):
            case None:
                return False
            case Missed(at):
                self._missed[hold.id] = at
                return False
            case Gone(first, second):
                return await self._void(hold, first, second, now)

    async def _void(self, hold: Hold, first: datetime, second: datetime, now: datetime) -> bool:
        await self.findings.given_up(hold.id, now)
        facts = {"cause": "absent", "first_walk": timestamp(first), "second_walk": timestamp(second)}
        moved = await self.ledger.move(Verb.VOID, hold, now, facts=facts)
        if moved.outcome is not Outcome.VOIDED:
            return False
        self.telemetry.settled(hold, "absent")
        _LOG.warning("a hold in doubt is voided: its job was never listed", extra={"fields": {"hold": hold.id}})
        return True


def _suspect(record: HoldRecord, walk: Walk, free: list[Listed], now: datetime) -> Suspect:
    """Of a hold that the walk did not come back past, jobs may be missing: nobody is bound beside it."""
    state = record.state if walk.reached(back_to(record.hold)) else State.HELD
    return Suspect(record.hold, state, may_be_told(record.hold, free, now))


def _may_be_of(job: Listed, holds: list[Hold]) -> bool:
    return any(job.model == hold.model and covers(hold, job.created_at, NEAR) for hold in holds)
