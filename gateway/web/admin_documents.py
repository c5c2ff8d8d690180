"""What several of the control plane's documents share: instants, networks, money, names, and how a limit stands."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, IPvAnyNetwork, WithJsonSchema

from gateway.core.account import Balance, Demand
from gateway.core.money import parse_usd
from gateway.web.limit_rows import standing_row
from gateway.web.operation import Document

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


class LimitStanding(Document):
    """A limit in its window as it is now. Of one per key, the account with the most on it, which is that of `key`."""

    name: str
    scope: str
    meter: str
    window: str | None
    mode: str
    ceiling: str | int
    posted: str | int
    held: str | int
    headroom: str | int
    resets_at: Instant | None
    key: str | None

    @classmethod
    def of(cls, asked: Demand, balance: Balance, key: str | None, **more: object) -> Self:
        """`more` are the fields of a document that says more of a limit."""
        return cls.model_validate({**standing_row(asked, balance), "key": key, **more})
