"""What a submission can come to. Every case is a value, matched exhaustively where it is rendered and counted.

The first group held nothing of its own; the second held, and says what became of the hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, get_args

from gateway.core.account import Balance, Demand
from gateway.core.admission import OverRate
from gateway.core.job import Malformed
from gateway.core.ledger import Hold
from gateway.core.money import MicroUsd
from gateway.core.policy import (
    CostPerJobExceeded,
    Deny,
    InputNotAllowed,
    ModelNotAllowed,
    TeamUnknown,
    Unmetered,
)
from gateway.core.pricing import InputRefused, PriceUnknown
from gateway.core.principal import KeyRefused
from gateway.core.recall import Repeated, Replayed
from gateway.core.refusal import Refusal
from gateway.core.reply import Reply
from gateway.core.value import value
from gateway.core.webhook_address import BadAddress


@dataclass(frozen=True, slots=True)
class Overloaded:
    """No upstream slot came free within a second."""


@dataclass(frozen=True, slots=True)
class StoreDown:
    """The store did not say, or would not admit anything; `reason` is for the log. Nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The body written for the upstream was not what was priced: our mistake. Nothing was sent."""

    reason: str


NotHeld: TypeAlias = (
    Malformed
    | BadAddress
    | PriceUnknown
    | InputRefused
    | KeyRefused
    | Deny
    | Refusal
    | OverRate
    | Overloaded
    | StoreDown
    | Repeated
    | Broken
)


@value
class Holding:
    """A hold that was made, what it asked of each limit, and the balances last heard, this job included.

    `shadow` are the shadow limits that would have refused; `upstream_seconds` is what the upstream took to answer.
    """

    hold: Hold
    demands: tuple[Demand, ...]
    balances: tuple[Balance, ...]
    shadow: tuple[str, ...] = ()
    upstream_seconds: float = 0.0

    def answered(self, seconds: float) -> "Holding":
        """The same, after the upstream took so long."""
        return Holding(self.hold, self.demands, self.balances, self.shadow, seconds)

    def moved(self, balances: tuple[Balance, ...]) -> "Holding":
        """The same, with what stands on its accounts now."""
        return Holding(self.hold, self.demands, balances, self.shadow, self.upstream_seconds)


@value
class Charged:
    """The upstream took the job. `cost` (micro-USD) is posted, or will be as soon as the store is back."""

    holding: Holding
    reply: Reply
    job: str
    cost: MicroUsd


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """The upstream refused in its documented words. Everything held was released."""

    holding: Holding
    reply: Reply


@dataclass(frozen=True, slots=True)
class Unsent:
    """The upstream could not be reached and no byte left. Everything held was released."""

    holding: Holding
    cause: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Nobody knows whether the upstream took the job. It stays held. `reply` is the upstream's own 5xx, if any.

    `surprising` is what a sound upstream never does, and somebody should look at.
    """

    holding: Holding
    cause: str
    reply: Reply | None
    surprising: bool = False


Held: TypeAlias = Charged | TurnedDown | Unsent | InDoubt
Submission: TypeAlias = NotHeld | Replayed | Held


_LABELS: Final[Mapping[type, str]] = {
    Malformed: "invalid",
    BadAddress: "invalid",
    InputRefused: "invalid",
    PriceUnknown: "price_unknown",
    KeyRefused: "unauthorized",
    TeamUnknown: "not_allowed",
    ModelNotAllowed: "not_allowed",
    InputNotAllowed: "not_allowed",
    CostPerJobExceeded: "not_allowed",
    Unmetered: "not_allowed",
    Refusal: "over_limit",
    OverRate: "over_rate",
    Overloaded: "overloaded",
    StoreDown: "store_unavailable",
    Repeated: "repeated",
    Replayed: "replayed",
    Broken: "broken",
    Charged: "accepted",
    TurnedDown: "rejected",
    Unsent: "unreachable",
    InDoubt: "in_doubt",
}


_BEFORE_THE_STORE: Final = (Malformed, BadAddress, InputRefused, PriceUnknown, Overloaded, Broken, *get_args(Deny))


def unproven(submission: Submission) -> bool:
    """Whether it was decided before the store compared the key with what it knows of it."""
    return isinstance(submission, _BEFORE_THE_STORE)


def label(submission: Submission) -> str:
    """The outcome's name in metrics and logs: a bounded set."""
    return _LABELS[type(submission)]
