"""The tables of a price file, and what each single value in them may be.

The rule of this file: a key that is not known is a mistake, and a multiplier is never a float.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.adapters.policy_files.sentences import (
    Form,
    Schema,
    Table,
    any_text,
    either,
    flag,
    must,
    one_of,
    text,
    whole,
)
from gateway.core.money import MAX_AMOUNT, Rounding
from gateway.core.rate_card import MULTIPLIER, Unit

FEED: Final = "must name a factor of this model, or be a whole number from 1 to 1000"

_FIELD: Final = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_VISIBLE: Final = r"[!-~]{1,200}"
_EDGE: Final = r"[ \t\n\r\f\v]"
BOUNDS: Final = re.compile(rf"(?P<root>{_FIELD})\[\]\.(?P<nested>{_FIELD})", re.ASCII)

_FieldName = Annotated[
    str,
    must("must be a field name: a letter, then letters, digits, _ or -, at most 64", text(_FIELD)),
]
_OptionText = Annotated[
    str,
    must(
        "an option must be 1 to 64 characters, without spaces around it",
        text(rf"(?!{_EDGE})[^\n]{{1,64}}(?<!{_EDGE})"),
    ),
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
        either(any_text(), whole(-MAX_AMOUNT, MAX_AMOUNT), flag()),
    ),
]
_Version = Annotated[str, must("must be a version in quotes", text(_VISIBLE))]
_Feed = Annotated[str | int, must(FEED, either(any_text(), whole(1, 1000)))]


class FactorTable(Table):
    """A field of the input that multiplies the price."""

    field: _FieldName
    """The field's name in a job's input."""
    multipliers: Annotated[dict[_OptionText, _Multiplier], Field(min_length=1)]
    """What the price is multiplied by for each option: decimals in quotes."""
    default: _Scalar | None = None
    """The option that counts where the field is left out, in the type to send. Left out: the field is required."""
    source: Annotated[Literal["media"] | None, one_of(["media"])] = Field(None, alias="from")
    """`media`: only the media knows the value. The dearest option is held, and the upstream's figure settles."""
    bounds: Annotated[
        str | None,
        must(
            'must be a list and a field of its elements, such as "multishot[].duration"',
            text(rf"{_FIELD}\[\]\.{_FIELD}"),
        ),
    ] = None
    """A list and a field of its elements, such as "multishot[].duration": the larger of both is priced."""


class MetersTable(Table):
    """What feeds the limits that count something else than money."""

    seconds: _Feed | None = None
    """The factor that says how many seconds a job makes, or their number."""
    images: _Feed | None = None
    """The factor that says how many images a job makes, or their number."""


class ModelTable(Table):
    """What one model costs: its base, times the multiplier of every factor."""

    slug: Annotated[str, must("must be a model slug: 1 to 200 visible ASCII characters", text(_VISIBLE))]
    """The model, as requests name it."""
    base: Annotated[
        int,
        must("must be a whole number of micro-cents (1_000_000 are 1 USD), 0 or more", whole(0, MAX_AMOUNT)),
    ]
    """The price before any factor, in micro-cents: 1_000_000 are 1 USD."""
    unit: Annotated[str, one_of(Unit)]
    """What the base is the price of. It explains the price and takes no part in it."""
    factors: list[FactorTable] = Field(default_factory=list)
    """The fields of the input that multiply the price."""
    free: list[_FieldName] = Field(default_factory=list)
    """Fields that other models price and this one takes for free."""
    versions: Annotated[list[_Version], Field(json_schema_extra={"uniqueItems": True})] = Field(default_factory=list)
    """The versions that this price is for, besides an omitted one."""
    meters: MetersTable = MetersTable()
    """What feeds the limits that count something else than money."""


class CardTable(Table):
    """`prices/<version>.toml`: what models cost from an instant on. A new price is a new file."""

    edition: Schema = Field(alias="schema")
    """The form of this file. 1 is the only one there is."""
    effective_from: Annotated[
        datetime,
        must(
            "must be a time in UTC, without quotes, such as 2026-02-18T00:00:00Z",
            Form(
                lambda value: isinstance(value, datetime) and value.utcoffset() == timedelta(0),
                {
                    "type": "string",
                    "format": "date-time",
                    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-]00:00)$",
                },
            ),
        ),
    ]
    """From when on these prices hold: a time in UTC, without quotes."""
    rounding: Annotated[str, one_of(Rounding)]
    """How the final product becomes whole micro-cents."""
    model: Annotated[list[ModelTable], Field(min_length=1)]
    """The models that this file prices. It replaces what earlier files say of them, and of no other."""
