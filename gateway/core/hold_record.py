"""A hold as text, the same in the store and in the spool: JSON, times as RFC 3339.

The rule of this file: what holds of like jobs have in common is written once. So `_OWN` are the fields that are a
hold's own, put in by hand; all others, whichever there are, decide together which common text it is.
"""

import json
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Hold
from gateway.core.timestamp import timestamp

_HOLD: Final = TypeAdapter(Hold)
_IDEMPOTENCY: Final = TypeAdapter(Idempotency)
_REMEMBERED: Final = 1024
_quoted: Final = json.encoder.encode_basestring_ascii

_OWN: Final = {"id", "attempt", "digest", "request_id", "created_at", "deadline", "idempotency", "relay_to"}
# Like jobs share these two; telling by their identity is cheap, and they are kept so that it stays theirs.
_SHARED: Final = {"factors", "charges"}
_common: Final = attrgetter(*(one.name for one in fields(Hold) if one.name not in _OWN | _SHARED))

_WRITTEN: Final[dict[str, tuple[Hold, bytes]]] = {}
_KNOWN: Final[dict[tuple[Any, ...], tuple[Hold, bytes]]] = {}


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
