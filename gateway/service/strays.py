"""Looks for jobs in the upstream's list that no hold owns: somebody spends on our account without us, or we lost one.

The rule of this file: a job is young for fifteen minutes, in which its hold may still be found; after that it is
written down once, and told. Nothing of it can be booked: nobody knows for whom.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.absence import MARGIN
from gateway.core.job_page import Listed
from gateway.core.timestamp import timestamp
from gateway.ports import Clock, Findings, Ledger, SettlingTelemetry
from gateway.service.rounds import Learnt
from gateway.service.walk import Walk

_LOG: Final = logging.getLogger("tollhouse.strays")
UNOWNED: Final = "unowned_job"
EVERY: Final = timedelta(minutes=5)
YOUNG: Final = timedelta(minutes=15)
_AT_ONCE: Final = 100


@dataclass(slots=True)
class Strays:
    """Implements `rounds.Interest` for jobs that nobody owns. `name` is of the upstream account."""

    name: str
    ledger: Ledger
    findings: Findings
    telemetry: SettlingTelemetry
    clock: Clock
    _due: datetime | None = None
    _watermark: datetime | None = field(default=None)

    async def begin(self, now: datetime) -> None:
        """Before the first look, the account may have been anybody's: what is there then is not looked at."""
        self._watermark = None
        if self._due is not None and now < self._due:
            return
        self._watermark = await self.findings.watermark(self.name)
        if self._watermark is None:
            await self.findings.raise_watermark(self.name, now)
            self._due = now + EVERY

    def wants(self, walk: Walk) -> bool:
        return self._watermark is not None and not walk.reached(self._watermark - MARGIN)

    async def learn(self, walk: Walk) -> Learnt:
        """Write down what is old enough and nobody's, as far as the walk is whole."""
        since = self._watermark
        if since is None or not walk.reached(since - MARGIN):
            return Learnt()
        grown = walk.began_at - YOUNG
        old = [job for job in walk.jobs.values() if since - MARGIN <= job.created_at < grown]
        for start in range(0, len(old), _AT_ONCE):
            await asyncio.gather(*(self._look_at(job) for job in old[start : start + _AT_ONCE]))
        await self.findings.raise_watermark(self.name, max(since, grown))
        self._due, self._watermark = self.clock.now() + EVERY, None
        return Learnt()

    async def _look_at(self, job: Listed) -> None:
        if await self.ledger.owner(job.job) is not None:
            return
        facts = {"model": job.model, "created_at": timestamp(job.created_at)}
        if await self.ledger.note(UNOWNED, job.job, self.clock.now(), facts):
            self.telemetry.unowned()
            _LOG.error("no hold owns a job of the upstream account", extra={"fields": {"job": job.job, **facts}})
