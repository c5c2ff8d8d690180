"""What a hold asks of the store, and everything the store can say to it.

The rule of this file: only `Created` permits sending. Every other answer, and no answer at all, forbids it.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.core.account import Balance, Demand, RateDemand
from gateway.core.ledger import Hold
from gateway.core.value import value


@value
class Admission:
    """One hold with the limits and rates it must pass: all of them or none is charged."""

    hold: Hold
    demands: tuple[Demand, ...]
    rates: tuple[RateDemand, ...]


@value
class Created:
    """The hold is durable and this attempt may send. Balances, one for every demand, include this job."""

    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The submit was recognised as that of an earlier `hold` (or of this one, under another attempt). Nothing moved."""

    hold: str
    same_body: bool


@dataclass(frozen=True, slots=True)
class ModelClosed:
    """The model's price was exceeded too often to be believed. Nothing moved."""


@dataclass(frozen=True, slots=True)
class OverLimit:
    """At least one enforced demand did not fit, and nothing moved. Balances are those found, one for every demand.

    `after` is the number of the last entry before it was decided.
    """

    balances: tuple[Balance, ...]
    after: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class OverRate:
    """`rate` had no room and nothing moved; it has again after `retry_after_us` microseconds.

    `after` is the number of the last entry before it was decided.
    """

    rate: RateDemand
    retry_after_us: int
    after: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Stale:
    """The key or the policy set changed since the decision was made: decide again with fresh ones."""


@dataclass(frozen=True, slots=True)
class Skewed:
    """Our clock and the store's differ by `by_us` microseconds, more than is allowed. Nothing moved."""

    by_us: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The store admits nothing: never initialised, frozen, or of another epoch than the one we know."""

    reason: str


AdmissionReply: TypeAlias = Created | Exists | ModelClosed | OverLimit | OverRate | Stale | Skewed | Closed
