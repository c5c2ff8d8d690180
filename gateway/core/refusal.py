"""What stands in a job's way: each demand compared with its balance, the one to name, and what to call it.

The rule of this file: a demand passes here exactly when the hold script lets it pass, and shadow limits refuse nothing.
Codes and waits are those of the interface's table of errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final, TypeAlias

from gateway.core.account import AccountScope, Balance, Demand, Meter

_SCOPES: Final = tuple(AccountScope)
_HELD_RETRY_S: Final = 60
_IN_FLIGHT_RETRY_S: Final = 10
_LONGEST_RETRY_S: Final = 3600


class Verdict(StrEnum):
    """How one demand fares. `held`: it would fit if every submit in progress or in doubt were voided."""

    OK = "ok"
    HELD = "held"
    EXCEEDED = "exceeded"
    NEVER = "never"


Judged: TypeAlias = tuple[Demand, Balance, Verdict]


class LimitCode(StrEnum):
    """The error codes of limits."""

    REQUEST_EXCEEDS_LIMIT = "REQUEST_EXCEEDS_LIMIT"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    BUDGET_HELD = "BUDGET_HELD"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    CONCURRENT_JOBS_EXCEEDED = "CONCURRENT_JOBS_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Failure:
    """A demand that did not fit, the balance it met, and why. The verdict is never `ok`."""

    demand: Demand
    balance: Balance
    verdict: Verdict

    @property
    def code(self) -> LimitCode:
        if self.verdict is Verdict.NEVER:
            return LimitCode.REQUEST_EXCEEDS_LIMIT
        match self.demand.account.meter:
            case Meter.USD:
                return LimitCode.BUDGET_HELD if self.verdict is Verdict.HELD else LimitCode.BUDGET_EXCEEDED
            case Meter.JOBS | Meter.SECONDS | Meter.IMAGES:
                return LimitCode.QUOTA_EXCEEDED
            case Meter.IN_FLIGHT:
                return LimitCode.CONCURRENT_JOBS_EXCEEDED

    def retry_after(self, now: datetime) -> int | None:
        """Seconds (at least 1) after which it is worth asking again; None where waiting is no advice."""
        match self.code:
            case LimitCode.REQUEST_EXCEEDS_LIMIT | LimitCode.BUDGET_EXCEEDED:
                return None
            case LimitCode.BUDGET_HELD:
                return _HELD_RETRY_S
            case LimitCode.CONCURRENT_JOBS_EXCEEDED:
                return _IN_FLIGHT_RETRY_S
            case LimitCode.QUOTA_EXCEEDED:
                return _seconds_until(self.demand.resets_at, now)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Every enforced demand that failed, in the order of the demands, and the one to name.

    `frees_at` (UTC) is when enough of the running jobs may have ended, where that is known; `after` the number of the
    last entry before it was decided, where the store decided it. `matched` is every demand, those in shadow mode and
    those with room too.
    """

    named: Failure
    failed: tuple[Failure, ...]
    frees_at: datetime | None = None
    after: int | None = field(default=None, compare=False)
    matched: tuple[Judged, ...] = ()

    def retry_after(self, now: datetime) -> int | None:
        """Seconds (at least 1) after which it is worth asking again; None where waiting is no advice."""
        estimated = _seconds_until(self.frees_at, now) if self.waits_for_jobs else None
        if estimated is None or self.frees_at is None or self.frees_at <= now:
            return self.named.retry_after(now)
        return min(estimated, _LONGEST_RETRY_S)

    @property
    def waits_for_jobs(self) -> bool:
        """Whether all that stands in the way are jobs that run."""
        return self.named.code is LimitCode.CONCURRENT_JOBS_EXCEEDED


def freed(failure: Failure, ends: Sequence[datetime]) -> datetime | None:
    """When an account of running jobs has room for one more that met this failure, if `ends` are when they may end.

    None where too few of them are known.
    """
    too_many = failure.balance.held + failure.demand.amount - failure.demand.ceiling
    return sorted(ends)[too_many - 1] if 0 < too_many <= len(ends) else None


def classify(demand: Demand, balance: Balance) -> Verdict:
    """How `demand` fares against what stood on its account before this job."""
    fits = demand.ceiling > 0 and balance.posted + balance.held + demand.amount <= demand.ceiling
    if fits:
        return Verdict.OK
    if demand.never:
        return Verdict.NEVER
    return Verdict.HELD if balance.posted + demand.amount <= demand.ceiling else Verdict.EXCEEDED


def refusal(demands: Sequence[Demand], balances: Sequence[Balance], after: int | None = None) -> Refusal | None:
    """The refusal that enforced demands amount to, balances being those before this job; None when all have room.

    `after` is the number of the last entry before it, where the store refused it.
    """
    failed = tuple(failure for failure in _failures(demands, balances) if failure.demand.enforced)
    if not failed:
        return None
    return Refusal(min(failed, key=_urgency), failed, after=after, matched=judged(demands, balances))


def judged(demands: Sequence[Demand], balances: Sequence[Balance]) -> tuple[Judged, ...]:
    """How every demand fares, balances being those before this job."""
    pairs = zip(demands, balances, strict=True)
    return tuple([(demand, balance, classify(demand, balance)) for demand, balance in pairs])


def shadow_refusals(demands: Sequence[Demand], balances: Sequence[Balance]) -> tuple[Failure, ...]:
    """The shadow demands that would have refused, balances being those before this job."""
    return tuple(failure for failure in _failures(demands, balances) if not failure.demand.enforced)


def before(demands: Sequence[Demand], balances: Sequence[Balance]) -> tuple[Balance, ...]:
    """The balances before a job that has since been held: `balances` are those with it."""
    pairs = zip(demands, balances, strict=True)
    return tuple(Balance(balance.posted, balance.held - demand.amount) for demand, balance in pairs)


def _failures(demands: Sequence[Demand], balances: Sequence[Balance]) -> tuple[Failure, ...]:
    return tuple([Failure(*one) for one in judged(demands, balances) if one[2] is not Verdict.OK])


def _urgency(failure: Failure) -> tuple[bool, float, int]:
    """Least first: what no waiting mends, then what lasts longest, then organization, team, key; ties keep order."""
    demand = failure.demand
    return failure.verdict is not Verdict.NEVER, -_lasts_until(demand), _SCOPES.index(demand.account.scope)


def _lasts_until(demand: Demand) -> float:
    """A running job ends soon though nobody knows when; a total never resets."""
    if demand.account.meter is Meter.IN_FLIGHT:
        return -inf
    return inf if demand.resets_at is None else demand.resets_at.timestamp()


def _seconds_until(instant: datetime | None, now: datetime) -> int | None:
    return None if instant is None else max(1, -((now - instant) // timedelta(seconds=1)))
