"""Prices as a price file states them: a rate card, its models, their factors and options.

The rule of this file: a multiplier is the decimal it was written as, kept as a fraction of whole numbers, and an
option is found by a string, integer or boolean of exactly its meaning, by nothing that has to be tidied first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

from gateway.core.account import Meter
from gateway.core.money import MicroUsd, Rounding

MULTIPLIER: Final = re.compile(r"(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,6})?", re.ASCII)
WHOLE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class Unit(StrEnum):
    """What the base price is the price of, by the formula. It explains a price and takes no part in it."""

    SECOND = "second"
    REQUEST = "request"
    IMAGE = "image"
    VIDEO = "video"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Option:
    """One value a factor can take. `multiplier` is as written, and exactly `numerator / denominator`."""

    text: str
    multiplier: str
    numerator: int
    denominator: int

    @property
    def ratio(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)


def option(text: str, multiplier: str) -> Option:
    """Read an option and its multiplier, a decimal matching `MULTIPLIER`."""
    whole, _, decimals = multiplier.partition(".")
    return Option(text, multiplier, int(whole + decimals), 10 ** len(decimals))


def option_text(value: str | int | bool) -> str:
    """The option that a value means: 5 is "5", True is "true", a string is itself."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Bounds:
    """`root[].nested`: whole numbers inside a list of the input, whose sum could outspend a factor."""

    root: str
    nested: str


@dataclass(frozen=True, slots=True)
class Factor:
    """A field of the input that multiplies the price. It has at least one option.

    `default` is what the provider takes when the field is left out, in the type to send; None makes the field required.
    `from_media` means that only the media knows the value. A factor with `bounds` has whole numbers as options, dearer
    as they grow.
    """

    field: str
    options: tuple[Option, ...]
    default: str | int | bool | None = None
    from_media: bool = False
    bounds: Bounds | None = None
    omitted: Option | None = attribute(init=False, repr=False, compare=False)
    dearest: Option = attribute(init=False, repr=False, compare=False)
    _by_type: Mapping[type, Mapping[object, Option]] = attribute(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_type = _lookups(self.options)
        omitted = None if self.default is None else by_type[str][option_text(self.default)]
        object.__setattr__(self, "_by_type", by_type)
        object.__setattr__(self, "omitted", omitted)
        object.__setattr__(self, "dearest", max(self.options, key=_dearness))

    def find(self, value: object) -> Option | None:
        """The option that `value` means; None for every value and every type that means none."""
        by_value = self._by_type.get(type(value))
        return None if by_value is None else by_value.get(value)


def _lookups(options: tuple[Option, ...]) -> Mapping[type, Mapping[object, Option]]:
    booleans = {"true": True, "false": False}
    return {
        str: {one.text: one for one in options},
        int: {int(one.text): one for one in options if WHOLE_NUMBER.fullmatch(one.text)},
        bool: {booleans[one.text]: one for one in options if one.text in booleans},
    }


def _dearness(one: Option) -> tuple[Fraction, int]:
    """Of two equally dear options the larger number comes first: it counts more on a meter."""
    return one.ratio, int(one.text) if WHOLE_NUMBER.fullmatch(one.text) else 0


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """The price of one model: `base` micro-USD times every factor.

    `free` are fields that other models price and this one does not. `versions` are the model versions this price is
    for, besides an omitted one. `meters` names the factor, or the constant, that feeds `seconds` or `images`.
    """

    slug: str
    base: MicroUsd
    unit: Unit
    factors: tuple[Factor, ...] = ()
    free: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    meters: Mapping[Meter, str | int] = attribute(default_factory=dict)

    @property
    def priced_names(self) -> frozenset[str]:
        """Fields of the input that this model's price depends on, those of bounds included."""
        roots = {factor.bounds.root for factor in self.factors if factor.bounds is not None}
        return frozenset(roots | {factor.field for factor in self.factors})


@dataclass(frozen=True, slots=True)
class RateCard:
    """One price file: what the models in it cost from `effective_from` (UTC) on. `version` is the file's stem."""

    version: str
    effective_from: datetime
    rounding: Rounding
    models: Mapping[str, ModelPrice]
