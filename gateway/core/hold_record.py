"""A hold as text, the same in the store and in the spool: JSON, times as RFC 3339.

The rule of this file: what holds of like jobs have in common is written once. So `_OWN` are the fields that are a
hold's own, put in by hand; all others, whichever there are, decide together which common text it is.
"""

import json
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import from_json

from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Hold
from gateway.core.timestamp import timestamp
from gateway.core.value import value

_HOLD: Final = TypeAdapter(Hold)
_IDEMPOTENCY: Final = TypeAdapter(Idempotency)
_REMEMBERED: Final = 1024
# The common text begins here: no string has this in it, because its quotes would be escaped.
_COMMON_BEGINS: Final = ',"organization":'
_quoted: Final = json.encoder.encode_basestring_ascii

_OWN: Final = {"id", "attempt", "digest", "request_id", "created_at", "deadline", "idempotency", "relay_to"}
# Like jobs share these two; telling by their identity is cheap, and they are kept so that it stays theirs.
_SHARED: Final = {"factors", "charges"}
_common: Final = attrgetter(*(one.name for one in fields(Hold) if one.name not in _OWN | _SHARED))

_WRITTEN: Final[dict[str, tuple[Hold, bytes]]] = {}
_KNOWN: Final[dict[tuple[Any, ...], tuple[Hold, bytes]]] = {}


@value
class Own:
    """What tells a hold from those of like jobs."""

    id: str
    created_at: datetime


def encode_hold(hold: Hold) -> bytes:
    """The same for every one who writes it: the store at the hold and at its move, and the spool between."""
    known = _WRITTEN.get(hold.id)
    # A submit that is planned again makes another hold of the same id.
    if known is not None and known[0] is hold:
        return known[1]
    if len(_WRITTEN) >= _REMEMBERED:
        _WRITTEN.clear()
    record = _written(hold)
    _WRITTEN[hold.id] = hold, record
    return record


def _written(hold: Hold) -> bytes:
    once, relay_to = hold.idempotency, hold.relay_to
    own = (
        f'{{"id":{_quoted(hold.id)},"attempt":{_quoted(hold.attempt)},"digest":{_quoted(hold.digest)},'
        f'"request_id":{_quoted(hold.request_id)},"created_at":"{timestamp(hold.created_at)}",'
        f'"deadline":"{timestamp(hold.deadline)}",'
        f'"idempotency":{"null" if once is None else _IDEMPOTENCY.dump_json(once).decode()},'
        f"{'' if relay_to is None else _quoted('relay_to') + ':' + _quoted(relay_to) + ','}"
    )
    return own.encode() + _common_text(hold)


def _common_text(hold: Hold) -> bytes:
    """The rest of the object, with its end."""
    question = (id(hold.factors), id(hold.charges), *_common(hold))
    known = _KNOWN.get(question)
    if known is None:
        if len(_KNOWN) >= _REMEMBERED:
            _KNOWN.clear()
        known = _KNOWN[question] = (hold, _HOLD.dump_json(hold, exclude=_OWN)[1:])
    return known[1]


def decode_hold(record: bytes) -> Hold:
    """Raises ValueError for what is not a hold."""
    return _HOLD.validate_json(record)


def decode_like(record: str) -> tuple[Hold, Own]:
    """For those who read a great many: a hold of a like job, to be read for what such holds have in common, and what
    is this one's own. Raises ValueError for what is not a hold.
    """
    own, begins, common = record.partition(_COMMON_BEGINS)
    if not begins or record.count(_COMMON_BEGINS) > 1:
        return _whole(record)
    try:
        said = from_json(own + "}")
        told = Own(said["id"], datetime.fromisoformat(said["created_at"]))
    except (ValueError, TypeError, KeyError):
        return _whole(record)
    return _like(_Like(common, record)), told


def _whole(record: str) -> tuple[Hold, Own]:
    hold = decode_hold(record.encode())
    return hold, Own(hold.id, hold.created_at)


class _Like:
    """A record, equal to all that have the same common text."""

    __slots__ = ("common", "record")

    def __init__(self, common: str, record: str) -> None:
        self.common = common
        self.record = record

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Like) and self.common == other.common

    def __hash__(self) -> int:
        return hash(self.common)


@lru_cache(maxsize=_REMEMBERED)
def _like(one: _Like) -> Hold:
    return decode_hold(one.record.encode())
