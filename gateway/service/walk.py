"""A walk of the upstream's list of jobs, from the newest back, as far as those want it who look for something in it.

The rule of this file: a walk says how far back it is whole, and claims nothing beyond. A page that failed, or a list
that is not newest first, makes it whole nowhere.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from gateway.core.job_page import PAGE_SIZE, JobPage, Listed, UnreadablePage, read_page
from gateway.core.pace import asked_to_wait
from gateway.core.reply import Reply
from gateway.ports import Clock, Question, Unanswered, Upstream

# Jobs of one second may come in any order, where times are cut to it.
_OUT_OF_ORDER: Final = timedelta(seconds=1)


@dataclass(slots=True)
class Walk:
    """One walk. `patience` is how many seconds a page may take; `began_at` is by our clock, times of jobs are theirs.

    `last` are the jobs of the newest page read. `trouble` says why it went no further, if it was cut short;
    `retry_after` (seconds) how long the upstream wants to be left alone; `silent` that it answers nothing now.
    """

    upstream: Upstream
    clock: Clock
    patience: float
    began_at: datetime = field(init=False)
    jobs: dict[str, Listed] = field(default_factory=dict)
    last: tuple[Listed, ...] = ()
    calls: int = 0
    ended: bool = False
    trouble: str | None = None
    retry_after: float | None = None
    silent: bool = False
    _cursor: str | None = None
    _oldest: datetime | None = None
    _in_order: bool = True

    def __post_init__(self) -> None:
        self.began_at = self.clock.now()

    async def step(self) -> bool:
        """Read one more page; False when there is none, or it cannot be had."""
        if self.ended or self.trouble is not None:
            return False
        self.calls += 1
        deadline = self.clock.monotonic() + self.patience
        answer = await self.upstream.ask(Question("GET", _path(self._cursor), {}, None, deadline))
        match answer:
            case Unanswered(cause):
                self.trouble, self.silent = cause, True
                return False
            case Reply():
                return self._read(answer)

    def _read(self, reply: Reply) -> bool:
        self.retry_after = asked_to_wait(reply)
        self.silent = self.retry_after is not None
        page = read_page(reply)
        match page:
            case UnreadablePage(why):
                self.trouble = why
                return False
            case JobPage(jobs, cursor):
                self._take(jobs)
                if cursor is not None and cursor == self._cursor:
                    self.trouble = "a cursor that leads nowhere"
                self._cursor, self.ended = cursor, cursor is None
                return self.trouble is None

    def _take(self, jobs: tuple[Listed, ...]) -> None:
        self.last = jobs
        for job in jobs:
            if self._oldest is not None and job.created_at > self._oldest + _OUT_OF_ORDER:
                self._in_order = False
            self._oldest = job.created_at if self._oldest is None else min(self._oldest, job.created_at)
            self.jobs[job.job] = job

    def reached(self, instant: datetime) -> bool:
        """Whether every job made after this instant, and before the walk began, has been seen."""
        if self.trouble is not None:
            return False
        return self.ended or (self._in_order and self._oldest is not None and self._oldest < instant)


def _path(cursor: str | None) -> str:
    query = {"limit": str(PAGE_SIZE)} if cursor is None else {"limit": str(PAGE_SIZE), "cursor": cursor}
    return f"/v1/jobs?{urlencode(query)}"
