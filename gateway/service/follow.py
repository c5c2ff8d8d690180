"""Follows accepted jobs to their end: by pages of the upstream's list, and one by one only where those do not reach.

The rule of this file: a job is asked about alone only when another page would cost more than asking. And nobody
hurries a cancel: while its answer is awaited, the job is left to whoever asked for it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.absence import back_to
from gateway.core.ending import Ending, Running, Source
from gateway.core.ledger import Hold, Outcome, Verb
from gateway.core.loss import loss
from gateway.core.recall import HoldRecord
from gateway.ports import Clock, Ledger, SettlingTelemetry
from gateway.service.lifecycle import Lifecycle
from gateway.service.open_jobs import Job, OpenJobs
from gateway.service.rounds import Learnt
from gateway.service.singles import Asked, Singles, Told, Unknown
from gateway.service.walk import Walk

_LOG: Final = logging.getLogger("tollhouse.follow")
_AT_ONCE: Final = 100
_ASKED_AGAIN: Final = timedelta(minutes=5)
_LOST_ASKED_AGAIN: Final = timedelta(hours=1)


@dataclass(slots=True)
class Follow:
    """Implements `rounds.Interest` for accepted jobs. `ours` tells whose jobs can be asked about here.

    `cancelling` is how long the answer to a cancel may take.
    """

    open_jobs: OpenJobs
    ledger: Ledger
    lifecycle: Lifecycle
    singles: Singles
    telemetry: SettlingTelemetry
    clock: Clock
    ours: Callable[[Hold], bool]
    cancelling: timedelta
    jobs: dict[str, Job] = field(default_factory=dict)
    _running: frozenset[str] = frozenset()
    _horizon: datetime | None = None
    _unknown_since: dict[str, datetime] = field(default_factory=dict)

    async def begin(self, _now: datetime) -> None:
        await self.open_jobs.look()
        self.jobs = {job.id: job for job in self.open_jobs.jobs if self.ours(job.hold)}
        running = [job for job in self.jobs.values() if not job.lost]
        self._running = frozenset(job.id for job in running)
        self._horizon = min((back_to(job.hold) for job in running), default=None)
        self._unknown_since = {job: at for job, at in self._unknown_since.items() if job in self.jobs}

    def wants(self, walk: Walk) -> bool:
        """Whether another page costs less than to ask one by one about those that were not seen."""
        unseen = len(self._running - walk.jobs.keys())
        if not unseen or self._horizon is None:
            return False
        in_vain = walk.calls - (len(self._running) - unseen)
        return in_vain <= unseen and not walk.reached(self._horizon)

    async def learn(self, walk: Walk) -> Learnt:
        """Book the ends that the walk shows; and ask about those that it does not show."""
        now = self.clock.now()
        told: dict[str, Told] = {}
        for job in self.jobs:
            if (listed := walk.jobs.get(job)) is not None:
                told[job] = Running() if listed.status is None else listed.status
        unseen = [job for job in self.jobs.values() if job.id not in told]
        asked = Asked() if walk.silent else await self._asked(unseen, now)
        news = await self._book({**told, **asked.told}, now)
        return Learnt(news or self.open_jobs.behind, asked.calls, asked.retry_after)

    async def _asked(self, jobs: Iterable[Job], now: datetime) -> Asked:
        longest = {job.id: _LOST_ASKED_AGAIN if job.lost else _ASKED_AGAIN for job in jobs}
        return await self.singles.ask(longest, now)

    async def _book(self, told: Mapping[str, Told], now: datetime) -> bool:
        ended = {job: end for job, end in told.items() if not isinstance(end, Running | Unknown)}
        jobs, news = list(ended), False
        for start in range(0, len(jobs), _AT_ONCE):
            piece = jobs[start : start + _AT_ONCE]
            news |= any(await asyncio.gather(*(self._end(job, ended[job], now) for job in piece)))
        for job, word in told.items():
            if isinstance(word, Running | Unknown):
                await self._still(self.jobs[job], word, now)
        return news

    async def _end(self, job: str, ending: Ending, now: datetime) -> bool:
        record = await self.ledger.owner(job)
        if record is None or self._awaits_cancel(record, now):
            return False
        moved = await self.lifecycle.ended_of(record, ending, Source.POLL)
        return moved.outcome is not Outcome.ALREADY

    def _awaits_cancel(self, record: HoldRecord, now: datetime) -> bool:
        return record.cancelling_at is not None and now - record.cancelling_at < self.cancelling

    async def _still(self, job: Job, word: Running | Unknown, now: datetime) -> None:
        """The job has no end yet, or none that the upstream knows of."""
        if isinstance(word, Unknown):
            since = self._unknown_since.setdefault(job.id, now)
        else:
            self._unknown_since.pop(job.id, None)
            since = None
        cause = None if job.lost else loss(job.since, since, now)
        if cause is None:
            return
        moved = await self.ledger.move(Verb.LOSE, job.hold, now, facts={"cause": cause})
        if moved.outcome is Outcome.LOST:
            self.telemetry.lost(job.hold)
            _LOG.error("a job is lost", extra={"fields": {"hold": job.hold.id, "job": job.id, "cause": cause}})
