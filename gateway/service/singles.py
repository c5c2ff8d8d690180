"""Asks the upstream about single jobs: those that no page of its list shows.

The rule of this file: a job is asked about again after a wait that grows, a few at the same time, and nobody at all
once the upstream wants to be left alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final, TypeAlias
from urllib.parse import quote

from gateway.core.ending import Ending, Running, read_status
from gateway.core.pace import asked_to_wait
from gateway.core.reply import Reply, error_code
from gateway.ports import Clock, Question, Unanswered, Upstream

_FIRST_AGAIN: Final = timedelta(seconds=5)
_AT_ONCE: Final = 8
_IN_A_ROUND: Final = 64
_UNKNOWN_CODE: Final = "JOB_NOT_FOUND"


class Unknown(Enum):
    """The upstream says in its documented words that there is no such job."""

    UNKNOWN = auto()


Told: TypeAlias = Ending | Running | Unknown


@dataclass(slots=True)
class Asked:
    """What a round of questions came to. Of jobs that are missing in `told` nothing was learnt."""

    told: dict[str, Told] = field(default_factory=dict)
    calls: int = 0
    retry_after: float | None = None


@dataclass(slots=True)
class Singles:
    """Implements the questions. `chance` draws from 0 to 1; `patience` is how many seconds an answer may take."""

    upstream: Upstream
    clock: Clock
    chance: Callable[[], float]
    patience: float
    _again: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)

    async def ask(self, jobs: Mapping[str, timedelta], now: datetime) -> Asked:
        """Ask about those of the jobs that are due, the longest due first. A job's figure is its longest wait."""
        self._again = {job: again for job, again in self._again.items() if job in jobs}
        due = sorted((self._again[job][0] if job in self._again else now, job) for job in jobs)
        asked = Asked()
        chosen = [job for at, job in due if at <= now][:_IN_A_ROUND]
        for start in range(0, len(chosen), _AT_ONCE):
            if asked.retry_after is not None:
                break
            piece = chosen[start : start + _AT_ONCE]
            await asyncio.gather(*(self._ask(job, asked) for job in piece))
            self._put_off(piece, jobs, now)
        return asked

    async def _ask(self, job: str, asked: Asked) -> None:
        asked.calls += 1
        deadline = self.clock.monotonic() + self.patience
        answer = await self.upstream.ask(Question("GET", f"/v1/jobs/{quote(job, safe='')}", {}, None, deadline))
        if isinstance(answer, Unanswered):
            return
        wait, told = asked_to_wait(answer), _told(answer, job)
        if wait is not None:
            asked.retry_after = max(wait, asked.retry_after or 0.0)
        if told is not None:
            asked.told[job] = told

    def _put_off(self, jobs: Sequence[str], longest: Mapping[str, timedelta], now: datetime) -> None:
        for job in jobs:
            before = self._again[job][1] if job in self._again else _FIRST_AGAIN / 2
            wait = min(2 * before, max(longest[job], _FIRST_AGAIN))
            self._again[job] = now + wait * (0.75 + 0.5 * self.chance()), wait


def _told(reply: Reply, job: str) -> Told | None:
    if reply.status == 404 and error_code(reply.body) == _UNKNOWN_CODE:
        return Unknown.UNKNOWN
    return read_status(reply, job)
