"""Money is a whole number of micro-USD (the provider's "micro-cents": 1,000,000 are one US dollar).

The rule of this file: no float ever holds money, and nothing outside this file rounds it. Amounts stay below 2^53,
because the store's scripts compute with doubles.
"""

import re
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

MicroUsd: TypeAlias = int

MICRO_PER_USD: Final = 1_000_000
MAX_AMOUNT: Final = 2**53 - 1

USD: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,6}))?", re.ASCII)


class Rounding(StrEnum):
    """How the final product of a price formula becomes whole micro-USD; a price file names one of these."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


def parse_usd(text: str) -> MicroUsd:
    """Read `"25000.00"` as 25,000,000,000 micro-USD.

    Raises ValueError for anything but plain digits with at most six decimals: no sign, no thousands mark, no exponent.
    """
    matched = USD.fullmatch(text)
    if matched is None or (amount := _micro(matched)) > MAX_AMOUNT:
        raise ValueError(f'"{text}" is not an amount of USD such as "25000.00"')
    return amount


def _micro(matched: re.Match[str]) -> MicroUsd:
    fraction = (matched[2] or "").ljust(6, "0")
    return int(matched[1]) * MICRO_PER_USD + int(fraction)


@lru_cache(maxsize=4096)
def format_usd(amount: MicroUsd) -> str:
    """Write 700,000 micro-USD as `"0.700000"`: always six places, a leading minus when negative."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), MICRO_PER_USD)
    return f"{sign}{whole}.{fraction:06d}"


def round_quotient(numerator: int, denominator: int, rounding: Rounding) -> MicroUsd:
    """Round `numerator / denominator` (both >= 0, denominator > 0) to whole micro-USD."""
    whole, rest = divmod(numerator, denominator)
    match rounding:
        case Rounding.DOWN:
            return whole
        case Rounding.UP:
            return whole + (rest > 0)
        case Rounding.HALF_UP:
            return whole + (2 * rest >= denominator)
        case Rounding.HALF_EVEN:
            return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def round_up(amount: Decimal) -> MicroUsd:
    """Round a non-negative decimal amount of micro-USD up: what was charged is never understated."""
    return int(amount.to_integral_value(rounding=ROUND_CEILING))
