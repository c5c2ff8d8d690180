"""What the values of settings are written as: durations, sizes, addresses, lists, secrets.

The rule of this file: each is read from a text, told as that text again, and described to editors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, SecretStr, WithJsonSchema

from gateway.core.webhook_address import allowed_host

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES: Final = {"KiB": 1024, "MiB": 1024**2, "B": 1}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a host and port, or a unix socket."""

    host: str
    port: int
    path: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"http://{host}:{self.port}"


def _number(text: object, units: Mapping[str, float], example: str) -> float:
    if isinstance(text, str):
        for unit, factor in units.items():
            digits = text.removesuffix(unit)
            if digits != text and digits.isascii() and digits.isdigit():
                return int(digits) * factor
    raise ValueError(f'write a number and a unit, such as "{example}"')


def _duration(text: object) -> object:
    return text if isinstance(text, float) else _number(text, _SECONDS, "30s")


def _size(text: object) -> object:
    return text if type(text) is int else int(_number(text, _BYTES, "1MiB"))


def _address(text: object) -> object:
    if not isinstance(text, str):
        return text
    if text.startswith("unix:"):
        return Address("", 0, text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError('write host:port, such as "127.0.0.1:8080", or unix:path')
    return Address(host.strip("[]"), int(port))


def listed(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def hosts(text: object) -> object:
    names = listed(text)
    return [allowed_host(name) for name in names] if isinstance(names, list) else names


def _unit(amount: float, units: Mapping[str, float]) -> str:
    """The amount in the largest unit of which it is a whole number."""
    whole = ((unit, amount / factor) for unit, factor in sorted(units.items(), key=lambda one: -one[1]))
    return next(f"{round(number)}{unit}" for unit, number in whole if number == round(number))


def _duration_text(seconds: float) -> str:
    return (
        "0s"
        if not seconds
        else _unit(round(seconds * 1000), {unit: round(factor * 1000) for unit, factor in _SECONDS.items()})
    )


def _size_text(size: int) -> str:
    return _unit(size, _BYTES)


def array_or_text(item: str) -> WithJsonSchema:
    """In a file a list may also be an array. `item` is what each of its entries matches."""
    text = {"type": "string", "pattern": f"^ *(?:{item})?(?: *, *(?:{item})?)* *$"}
    return WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string", "pattern": f"^(?:{item})$"}}, text]})


LISTED: Final = array_or_text("[^, ]+")
HOSTS_TEXT: Final = PlainSerializer(lambda hosts: [str(host) for host in hosts], return_type=list[str])

_DURATION_TEXT: Final = PlainSerializer(_duration_text, return_type=str, when_used="json")

Delay: TypeAlias = Annotated[
    float,
    BeforeValidator(_duration),
    Field(ge=0),
    _DURATION_TEXT,
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(?:ms|s|m|h)$"}),
]
Seconds: TypeAlias = Annotated[
    float,
    BeforeValidator(_duration),
    Field(gt=0),
    _DURATION_TEXT,
    WithJsonSchema({"type": "string", "pattern": "^(?=.*[1-9])[0-9]+(?:ms|s|m|h)$"}),
]
Bytes: TypeAlias = Annotated[
    int,
    BeforeValidator(_size),
    Field(gt=0),
    PlainSerializer(_size_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^(?=.*[1-9])[0-9]+(?:B|KiB|MiB)$"},
                {"type": "integer", "exclusiveMinimum": 0},
            ]
        }
    ),
]
Listen: TypeAlias = Annotated[
    Address,
    BeforeValidator(_address),
    PlainSerializer(lambda address: str(address).removeprefix("http://"), return_type=str, when_used="json"),
    WithJsonSchema({"title": "Address", "type": "string", "pattern": "^(?:unix:.*|.+:[0-9]+)$"}),
]
Secret: TypeAlias = Annotated[SecretStr, WithJsonSchema({"type": "string", "minLength": 1})]
Url: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^https?://"})]
