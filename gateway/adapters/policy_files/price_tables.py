"""The tables of a price file, and what each single value in them may be.

The rule of this file: a key that is not known is a mistake, and a multiplier is never a float.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.adapters.policy_files.sentences import Schema, Table, must, one_of, text, whole
from gateway.core.money import MAX_AMOUNT, Rounding
from gateway.core.rate_card import MULTIPLIER, Unit

FEED: Final = "must name a factor of this model, or be a whole number from 1 to 1000"

_FIELD: Final = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_VISIBLE: Final = r"[!-~]{1,200}"
BOUNDS: Final = re.compile(rf"(?P<root>{_FIELD})\[\]\.(?P<nested>{_FIELD})", re.ASCII)

_FieldName = Annotated[
    str,
    must("must be a field name: a letter, then letters, digits, _ or -, at most 64", text(_FIELD)),
]
_OptionText = Annotated[
    str,
    must("an option must be 1 to 64 characters, without spaces around it", text(r"(?!\s).{1,64}(?<!\s)")),
]
_Multiplier = Annotated[
    str,
    must(
        'must be a decimal in quotes, such as "1.5": digits, at most six each side of the point',
        text(MULTIPLIER.pattern),
    ),
]
_Scalar = Annotated[
    str | int | bool,
    must(
        "must be a string, a whole number or a boolean",
        lambda value: type(value) in (str, bool) or whole(-MAX_AMOUNT, MAX_AMOUNT)(value),
    ),
]
_Version = Annotated[str, must("must be a version in quotes", text(_VISIBLE))]
_Feed = Annotated[str | int, must(FEED, lambda value: isinstance(value, str) or whole(1, 1000)(value))]


class FactorTable(Table):
    field: _FieldName
    multipliers: Annotated[dict[_OptionText, _Multiplier], Field(min_length=1)]
    default: _Scalar | None = None
    source: Annotated[Literal["media"] | None, one_of(["media"])] = Field(None, alias="from")
    bounds: Annotated[
        str | None,
        must('must be a list and a field of its elements, such as "multishot[].duration"', text(BOUNDS.pattern)),
    ] = None


class MetersTable(Table):
    seconds: _Feed | None = None
    images: _Feed | None = None


class ModelTable(Table):
    slug: Annotated[str, must("must be a model slug: 1 to 200 visible ASCII characters", text(_VISIBLE))]
    base: Annotated[
        int,
        must("must be a whole number of micro-cents (1_000_000 are 1 USD), 0 or more", whole(0, MAX_AMOUNT)),
    ]
    unit: Annotated[str, one_of(Unit)]
    factors: list[FactorTable] = Field(default_factory=list)
    free: list[_FieldName] = Field(default_factory=list)
    versions: list[_Version] = Field(default_factory=list)
    meters: MetersTable = MetersTable()


class CardTable(Table):
    edition: Schema = Field(alias="schema")
    effective_from: Annotated[
        datetime,
        must(
            "must be a time in UTC, without quotes, such as 2026-02-18T00:00:00Z",
            lambda value: isinstance(value, datetime) and value.utcoffset() == timedelta(0),
        ),
    ]
    rounding: Annotated[str, one_of(Rounding)]
    model: Annotated[list[ModelTable], Field(min_length=1)]
