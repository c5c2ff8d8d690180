"""The tables of a price file, and what each single value in them may be.

The rule of this file: a key that is not known is a mistake, and a multiplier is never a float.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from gateway.core.money import MAX_AMOUNT, Rounding
from gateway.core.rate_card import MULTIPLIER, Unit

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
BOUNDS = re.compile(rf"(?P<root>{_FIELD.pattern})\[\]\.(?P<nested>{_FIELD.pattern})", re.ASCII)
_SLUG = re.compile(r"[!-~]{1,200}", re.ASCII)


def _must(sentence: str, accepts: Callable[[Any], bool]) -> PlainValidator:
    """Accept a value as it is, of exactly the right type, or complain in our own words."""

    def check(value: object) -> object:
        if not accepts(value):
            raise PydanticCustomError("complaint", "{sentence}", {"sentence": sentence})
        return value

    return PlainValidator(check)


def _text(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(values: Iterable[str]) -> PlainValidator:
    known = list(values)
    return _must("must be " + " or ".join(f'"{one}"' for one in known), lambda value: value in known)


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


_FieldName = Annotated[
    str,
    _must("must be a field name: a letter, then letters, digits, _ or -, at most 64", _text(_FIELD)),
]
_OptionText = Annotated[
    str,
    _must("an option must be 1 to 64 characters, without spaces around it", _text(re.compile(r"(?!\s).{1,64}(?<!\s)"))),
]
_Multiplier = Annotated[
    str,
    _must('must be a decimal in quotes, such as "1.5": digits, at most six each side of the point', _text(MULTIPLIER)),
]
_Scalar = Annotated[
    str | int | bool,
    _must("must be a string, a whole number or a boolean", lambda value: type(value) in (str, int, bool)),
]
_Feed = Annotated[
    str | int,
    _must(
        "must name a factor of this model, or be a whole number from 1 to 1000",
        lambda value: isinstance(value, str) or _whole(1, 1000)(value),
    ),
]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FactorTable(_Table):
    field: _FieldName
    multipliers: Annotated[dict[_OptionText, _Multiplier], Field(min_length=1)]
    default: _Scalar | None = None
    source: Annotated[Literal["media"] | None, _one_of(["media"])] = Field(None, alias="from")
    bounds: Annotated[
        str | None,
        _must('must be a list and a field of its elements, such as "multishot[].duration"', _text(BOUNDS)),
    ] = None


class MetersTable(_Table):
    seconds: _Feed | None = None
    images: _Feed | None = None


class ModelTable(_Table):
    slug: Annotated[str, _must("must be a model slug: 1 to 200 visible ASCII characters", _text(_SLUG))]
    base: Annotated[
        int,
        _must("must be a whole number of micro-cents (1_000_000 are 1 USD), 0 or more", _whole(0, MAX_AMOUNT)),
    ]
    unit: Annotated[str, _one_of(Unit)]
    factors: list[FactorTable] = []
    free: list[_FieldName] = []
    versions: list[Annotated[str, _must("must be a version in quotes", _text(_SLUG))]] = []
    meters: MetersTable = MetersTable()


class CardTable(_Table):
    edition: Annotated[int, _must("must be 1, the only schema there is", _whole(1, 1))] = Field(alias="schema")
    effective_from: Annotated[
        datetime,
        _must(
            "must be a time in UTC, without quotes, such as 2026-02-18T00:00:00Z",
            lambda value: isinstance(value, datetime) and value.utcoffset() == timedelta(0),
        ),
    ]
    rounding: Annotated[str, _one_of(Rounding)]
    model: Annotated[list[ModelTable], Field(min_length=1)]
