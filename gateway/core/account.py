"""Accounts and demands: where amounts stand, and what one limit asks of one job.

The rule of this file: an account is named by scope, owner, limit, meter and window, and by nothing else; a demand is
decided by comparing whole numbers.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.core.value import value
from gateway.core.word import Word


class Meter(Word):
    """What a limit counts. `usd` is in micro-USD, the rest are whole numbers."""

    USD = "usd"
    JOBS = "jobs"
    SECONDS = "seconds"
    IMAGES = "images"
    IN_FLIGHT = "in_flight"


class AccountScope(StrEnum):
    """Whose account it is, in the order in which refusals are named."""

    ORGANIZATION = "organization"
    TEAM = "team"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Account:
    """Where amounts are posted and held: one limit of one owner in one window.

    `owner` is the organization's or team's slug or the key's public id; `window` the window's label (`2026-11`), empty
    for `in_flight`. Test keys have accounts of their own.
    """

    scope: AccountScope
    owner: str
    limit: str
    meter: Meter
    window: str
    test: bool = False

    @property
    def name(self) -> str:
        """The account's name in the store and in entries, without spaces."""
        prefix = "test:" if self.test else ""
        return f"{prefix}{self.scope}:{self.owner}:{self.limit}:{self.meter}:{self.window}"


@dataclass(frozen=True, slots=True)
class Demand:
    """What one limit asks of one job: `amount` must fit below `ceiling` on `account` (micro-USD, or a count).

    A shadow limit is recorded and never refuses (`enforced` false). `resets_at` (UTC) is None when it never does.
    """

    account: Account
    amount: int
    ceiling: int
    enforced: bool
    window: str
    resets_at: datetime | None

    @property
    def never(self) -> bool:
        """Whether no amount of waiting makes this job fit. A ceiling of 0 lets nothing pass, not even what is free."""
        return self.ceiling == 0 or self.amount > self.ceiling


@dataclass(frozen=True, slots=True)
class RateDemand:
    """One request against a GCRA rate: one every `interval_us` on average, at most `burst` at once."""

    name: str
    scope: AccountScope
    owner: str
    interval_us: int
    burst: int
    test: bool = False


@value
class Balance:
    """What stands on an account: `posted` is charged minus refunded, `held` is set aside for submits in progress."""

    posted: int
    held: int


_USD: Final = Meter.USD


def headroom(ceiling: int, balance: Balance) -> int:
    """What is left below the ceiling; negative after a lowered ceiling or an overage."""
    return ceiling - balance.posted - balance.held


@value
class Standing:
    """How much is left of one limit: see `headroom`."""

    demand: Demand
    headroom: int


def tightest(demands: tuple[Demand, ...], balances: tuple[Balance, ...]) -> Standing | None:
    """The enforced money limit with the least headroom; None where no money limit is enforced."""
    found, least = None, 0
    for demand, balance in zip(demands, balances, strict=True):
        if demand.enforced and demand.account.meter is _USD:
            left = headroom(demand.ceiling, balance)
            if found is None or left < least:
                found, least = demand, left
    return None if found is None else Standing(found, least)
