"""Texts with a meaning in the control plane's documents: instants, networks, money, names."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, IPvAnyNetwork, WithJsonSchema

from gateway.core.money import parse_usd

_LONGEST: Final = 200


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def _words(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= _LONGEST):
        raise ValueError(f"must be 1 to {_LONGEST} printable characters")
    return text


def _usd(text: str) -> str:
    parse_usd(text)
    return text


# What may be asked.
NetworkText: TypeAlias = Annotated[
    IPvAnyNetwork,
    BeforeValidator(_text),
    WithJsonSchema({"type": "string", "description": "An address or a CIDR.", "examples": ["192.0.2.0/24"]}),
]
UtcText: TypeAlias = Annotated[AwareDatetime, AfterValidator(_utc)]
Words: TypeAlias = Annotated[str, AfterValidator(_words), Field(min_length=1, max_length=_LONGEST)]
UsdText: TypeAlias = Annotated[str, AfterValidator(_usd), Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,6})?$")]

# What is answered.
Instant: TypeAlias = Annotated[str, Field(description="UTC, to the second.", json_schema_extra={"format": "date-time"})]
Usd: TypeAlias = Annotated[str, Field(description="USD with six places.", pattern=r"^-?[0-9]+\.[0-9]{6}$")]
