"""The life of a job: pending -> processing -> completed | failed, or pending -> cancelled. The clock drives it.

Nothing runs in the background: a job's state is what its times say when somebody looks. `due` hands over, once each,
the jobs whose end has come.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False)
class Job:
    """One accepted job; times are UTC, `cost` is what it was charged in micro-cents, `seconds` the priced length."""

    id: str
    request_id: str
    model: str
    media: str
    cost: int
    seconds: int | None
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    estimated_at: datetime
    fails: bool
    webhook_url: str | None
    sequence: int = 0
    ended: Status | None = None
    ended_at: datetime | None = None

    def status(self, now: datetime) -> Status:
        if self.ended is not None:
            return self.ended
        return Status.PENDING if now < self.starts_at else Status.PROCESSING


@dataclass(slots=True)
class JobBook:
    """All jobs of the account in the order they were made. `active` counts those without an end."""

    by_id: dict[str, Job] = field(default_factory=dict)
    in_order: list[Job] = field(default_factory=list)
    active: int = 0
    _by_end: list[tuple[datetime, int, Job]] = field(default_factory=list)

    def add(self, job: Job) -> None:
        job.sequence = len(self.in_order)
        self.by_id[job.id] = job
        self.in_order.append(job)
        self.active += 1
        heapq.heappush(self._by_end, (job.ends_at, job.sequence, job))

    def due(self, now: datetime) -> Iterator[Job]:
        """End every job whose time has come, and hand it over with its end written."""
        while self._by_end and self._by_end[0][0] <= now:
            _, _, job = heapq.heappop(self._by_end)
            if job.ended is None:
                self._end(job, Status.FAILED if job.fails else Status.COMPLETED, job.ends_at)
                yield job

    def cancel(self, job: Job, now: datetime) -> bool:
        """Cancel a pending job; False, and nothing changed, for any other."""
        if job.status(now) is not Status.PENDING:
            return False
        self._end(job, Status.CANCELLED, now)
        return True

    def page(
        self, now: datetime, before: int | None, limit: int, status: str | None, model: str | None
    ) -> tuple[list[Job], bool]:
        """At most `limit` jobs, newest first, made before sequence `before`; and whether more would follow."""
        found: list[Job] = []
        newest = len(self.in_order) if before is None else min(before, len(self.in_order))
        for job in (self.in_order[at] for at in range(newest - 1, -1, -1)):
            if (status and job.status(now) != status) or (model and job.model != model):
                continue
            if len(found) == limit:
                return found, True
            found.append(job)
        return found, False

    def before(self, job: Job) -> Job | None:
        """The job made just before this one."""
        return self.in_order[job.sequence - 1] if job.sequence else None

    def _end(self, job: Job, status: Status, at: datetime) -> None:
        job.ended, job.ended_at = status, at
        self.active -= 1
