"""What is counted, and what the store says when it is asked for figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.ending import JobStatus
from gateway.core.ledger import Hold, Outcome
from gateway.core.money import MicroUsd
from gateway.core.outcome import Submission
from gateway.core.value import value


@dataclass(frozen=True, slots=True)
class ClosedPrice:
    """A model's price of one rate card that the upstream exceeded too often; `test`: the sandbox did."""

    model: str
    rate_card: str
    test: bool


@value
class Observation:
    """One submission for the metrics. `model` is None unless it has a price; `amount` is what was to be held."""

    team: str
    model: str | None
    test: bool
    submission: Submission
    amount: MicroUsd
    seconds: float


@dataclass(frozen=True, slots=True)
class JobEnded:
    """What an end came to, for the metrics. `hold` is None where no hold owns the job.

    `refunded` (micro-USD) is what came back, `surplus` how much more the upstream named than was ever posted.
    """

    hold: Hold | None
    status: JobStatus
    outcome: Outcome
    refunded: MicroUsd = 0
    surplus: MicroUsd = 0


@dataclass(frozen=True, slots=True)
class LimitGauge:
    """One limit for the metrics, in USD where the meter is `usd`, else as counts.

    `opened_at` and `resets_at` are the edges of its window in seconds since 1970; None where it never resets.
    """

    scope: str
    name: str
    limit: str
    meter: str
    ceiling: float
    posted: float
    held: float
    opened_at: float | None = None
    resets_at: float | None = None


@dataclass(frozen=True, slots=True)
class StoreGauges:
    """What the store says when it is asked for metrics."""

    limits: tuple[LimitGauge, ...]
    holds: Mapping[str, int]
    oldest_due_seconds: float
    clock_skew_seconds: float
    policy: str
    closed_prices: tuple[ClosedPrice, ...] = ()
    ledger_lag_seconds: float = 0.0
    policy_watch_failed: bool = False
    keys_expiring: Mapping[str, int] = field(default_factory=dict)
