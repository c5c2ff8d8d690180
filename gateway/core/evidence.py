"""Which job in the upstream's list belongs to which hold in doubt; protocol, section 4.

The rule of this file: the list shows neither cost nor input, so it binds only where one answer is left. A job may be a
hold's when the model matches and it was made while the submit was under way. Holds and jobs that may belong together,
however indirectly, are weighed together: one and one are bound; as many jobs as holds that nobody could tell apart are
bound in time order; everything else waits, with its candidates. While one of the holds may still be answered, all wait;
while a webhook may yet tell which job is whose, several do, because it knows.

It stands on what its callers see to: the list was read before the holds, and every other hold that could have made one
of these jobs is captured or voided.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from gateway.core.ending import Cancelled, Completed, Failed, Running
from gateway.core.job_page import Listed
from gateway.core.ledger import Hold, State
from gateway.core.value import value

# How far the upstream's clock may be from ours, and what a time loses that is cut to the second.
SKEW: Final = timedelta(seconds=5)
# A job this near is reason enough not to call a hold absent, whatever the clocks say.
NEAR: Final = timedelta(seconds=60)
# The provider calls six times within 341 s of a job's end, and waits at most 30 s for each answer.
_TOLD_WITHIN: Final = timedelta(minutes=10)
# A job without an end after so long is lost: see `service/follow.py`.
_GIVEN_UP: Final = timedelta(hours=24)


@value
class Suspect:
    """A hold that may have made a job which no hold owns: in doubt, still held, or voided because none was found."""

    hold: Hold
    state: State
    may_be_told: bool = False

    @property
    def may_be_answered(self) -> bool:
        return self.state is State.HELD


@dataclass(frozen=True, slots=True)
class Match:
    """The hold made this job. `group`: one of several that cannot be told apart, bound in time order."""

    hold: Hold
    job: Listed
    group: bool


@dataclass(frozen=True, slots=True)
class Candidates:
    """The hold may have made one of these jobs, the oldest first; the list does not say which."""

    hold: Hold
    jobs: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No job in the list can be the hold's."""

    hold: Hold


Verdict: TypeAlias = Match | Candidates | Nothing


def may_be_told(hold: Hold, jobs: Iterable[Listed], now: datetime) -> bool:
    """Whether a webhook may still come that says which of these jobs is the hold's."""
    mine = (job for job in jobs if job.model == hold.model and covers(hold, job.created_at))
    return hold.relayed and now - hold.deadline < _GIVEN_UP and any(_is_untold(job, now) for job in mine)


def _is_untold(job: Listed, now: datetime) -> bool:
    match job.status:
        case Cancelled():
            return False
        case Completed(at=at) | Failed(at=at):
            return now - (at or job.created_at) < _TOLD_WITHIN
        case Running() | None:
            return True


def covers(hold: Hold, created_at: datetime, margin: timedelta = SKEW) -> bool:
    """Whether a job made at this instant of the upstream's clock may be the hold's."""
    return hold.created_at - margin <= created_at <= hold.deadline + margin


def weigh(suspects: Sequence[Suspect], jobs: Sequence[Listed]) -> tuple[Verdict, ...]:
    """One verdict for every suspect that cannot be answered any more. `jobs` are those that no hold owns.

    The order of either changes nothing.
    """
    by_model: dict[str, list[Listed]] = defaultdict(list)
    # A job that was listed twice is one, whatever became of it between two pages.
    once = {job.job: job for job in sorted(jobs, key=_by_time, reverse=True)}
    for job in sorted(once.values(), key=_by_time):
        by_model[job.model].append(job)
    verdicts: list[Verdict] = []
    for model, of_model in _by_model(suspects).items():
        for together, theirs in _components(of_model, by_model[model]):
            verdicts += _judge(together, theirs, by_model[model])
    return tuple(sorted(verdicts, key=lambda verdict: (verdict.hold.created_at, verdict.hold.id)))


def _by_model(suspects: Iterable[Suspect]) -> dict[str, list[Suspect]]:
    found: dict[str, list[Suspect]] = defaultdict(list)
    for suspect in sorted(suspects, key=lambda one: (one.hold.created_at, one.hold.id)):
        found[suspect.hold.model].append(suspect)
    return found


def _by_time(job: Listed) -> tuple[datetime, str, str]:
    return job.created_at, job.job, job.model


def _components(suspects: list[Suspect], jobs: list[Listed]) -> Iterator[tuple[list[Suspect], list[Listed]]]:
    """Those that hang together because a job may be of several holds, or a hold's several jobs."""
    left = list(suspects)
    while left:
        together, theirs, frontier = [left.pop(0)], set[Listed](), 0
        while frontier < len(together):
            hold, frontier = together[frontier].hold, frontier + 1
            reached = {job for job in jobs if job not in theirs and covers(hold, job.created_at)}
            theirs |= reached
            joined = [one for one in left if any(covers(one.hold, job.created_at) for job in reached)]
            left = [one for one in left if one not in joined]
            together += joined
        together.sort(key=lambda one: (one.hold.created_at, one.hold.id))
        yield together, sorted(theirs, key=_by_time)


def _judge(suspects: list[Suspect], jobs: list[Listed], near: list[Listed]) -> Iterator[Verdict]:
    """The verdicts on one component. `near` are all jobs of the model, those included that only come close."""
    asked = [one.hold for one in suspects if not one.may_be_answered]
    pairs = list(zip(asked, jobs, strict=False))
    fits = all(covers(hold, job.created_at) for hold, job in pairs)
    told = len(asked) > 1 and any(one.may_be_told for one in suspects)
    if len(asked) == len(suspects) == len(jobs) and fits and len({_kind(hold) for hold in asked}) == 1 and not told:
        yield from (Match(hold, job, group=len(asked) > 1) for hold, job in pairs)
        return
    for hold in asked:
        # Doubt is for the hold: a job that misses its time by little is shown, and nothing is released.
        possible = tuple(job for job in near if covers(hold, job.created_at, NEAR))
        yield Candidates(hold, possible) if possible else Nothing(hold)


def _kind(hold: Hold) -> tuple[str, str, str, str | None, int, bool]:
    """What holds have in common that nobody could tell apart: whichever job is whose, the same team pays the same."""
    return hold.team, hold.key, hold.model, hold.version, hold.amount, hold.test
