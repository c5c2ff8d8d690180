"""What one job costs: the provider's formula, base x every factor, and nothing else.

The rule of this file: what cannot be priced exactly as documented is refused, never guessed and never free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from gateway.core.account import Meter
from gateway.core.money import MicroUsd, Rounding

Scalar: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class AppliedFactor:
    """One factor of a quote: the option that was found (or defaulted, or assumed) and its multiplier as written."""

    field: str
    value: str
    multiplier: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one job. `amount` is rounded by the rate card's rule, `hold_amount` up; both micro-USD.

    `pinned` are the priced fields the request left out, with the default that was priced, in the type to be sent.
    `meters` holds what the job counts on `seconds` and `images`; a meter it does not feed is absent.
    """

    model: str
    version: str | None
    amount: MicroUsd
    hold_amount: MicroUsd
    factors: tuple[AppliedFactor, ...]
    rate_card: str
    meters: Mapping[Meter, int]
    pinned: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class PriceUnknown:
    """No rate card in force has a price for this slug, or not for this version."""

    model: str
    version: str | None


@dataclass(frozen=True, slots=True)
class InputRefused:
    """A field of `input` that cannot be priced. The message names the field and, where there are some, the options."""

    field: str
    message: str
    options: tuple[str, ...] = ()


Unpriced: TypeAlias = PriceUnknown | InputRefused
