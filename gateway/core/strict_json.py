"""JSON objects that every conforming parser reads alike, or nothing.

The rule of this file: what two parsers could read differently is refused, never repaired. That is: other encodings
than UTF-8, a byte order mark, names given twice, NaN and Infinity, numbers no double can hold, unpaired surrogates,
deep nesting, and anything after the object.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from gateway.core.field_name import shown

MAX_DEPTH: Final = 32
# The largest double is near 1.8e308: every whole number of 308 digits is still one to every parser.
_MAX_DIGITS: Final = 308

# The closing quote is optional, so that a string that never ends is skipped once and not looked for again and again.
_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"{}[]"))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why bytes are not such an object: a sentence. `field` is the name it is about, or `body`."""

    field: str
    message: str


class _Refusal(Exception):
    """Out of a hook of the decoder, to `read_object` and no further."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.unreadable = Unreadable(field, message)


def read_object(raw: bytes) -> dict[str, Any] | Unreadable:
    """Parse one JSON object. Whole numbers stay int, others become float, of any size a double has."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Unreadable("body", "The body is not valid UTF-8.")
    if text.startswith("\ufeff"):
        return Unreadable("body", "The body begins with a byte order mark; send plain UTF-8.")
    if _too_deep(text):
        return Unreadable("body", f"The body is nested more than {MAX_DEPTH} deep, or its brackets do not match.")
    try:
        document = decoded(text, _DECODER)
    except _Refusal as refusal:
        return refusal.unreadable
    except json.JSONDecodeError as error:
        return Unreadable("body", f"The body is not one JSON object: {error.msg} (character {error.pos}).")
    if not isinstance(document, dict):
        return Unreadable("body", "The body is not one JSON object.")
    if "\\u" in text and _SURROGATE.search(text) and not _encodable(document):
        return Unreadable("body", "The body has an unpaired surrogate escape, which is not a character.")
    return document


def write_object(document: Mapping[str, object]) -> bytes:
    """The canonical bytes of an object: names sorted at every level, no spaces, UTF-8."""
    return _ENCODER.encode(document).encode("utf-8")


def decoded(text: str, decoder: json.JSONDecoder) -> Any:
    """As the decoder decodes, which first looks for white space; most often there is none."""
    if text.startswith("{"):
        document, end = decoder.raw_decode(text)
        if end == len(text):
            return document
    return decoder.decode(text)


def _too_deep(text: str) -> bool:
    """Whether a parser could go deeper than MAX_DEPTH before it ends or gives up. True also for unmatched brackets."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    brackets = _STRINGS.sub("", text).encode("ascii", "ignore").translate(_ONE_KIND, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _encodable(document: Mapping[str, object]) -> bool:
    try:
        write_object(document)
    except UnicodeEncodeError:
        return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = shown(_first_repeated(name for name, _ in pairs))
        raise _Refusal(twice, f'The body gives "{twice}" twice.')
    return found


def _first_repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("no name is repeated")


def _whole(literal: str) -> int:
    if len(literal) > _MAX_DIGITS:
        raise _Refusal("body", f"The body has a number of more than {_MAX_DIGITS} digits.")
    return int(literal)


def _fraction(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise _Refusal("body", "The body has a number too large for any parser.")
    return number


def _constant(literal: str) -> Never:
    raise _Refusal("body", f"The body has {literal}, which is not JSON.")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, sort_keys=True, separators=(",", ":")
)
