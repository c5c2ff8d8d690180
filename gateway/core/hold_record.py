"""A hold as text, the same in the store and in the spool: JSON, times as RFC 3339."""

from typing import Final

from pydantic import TypeAdapter

from gateway.core.ledger import Hold

_HOLD: Final = TypeAdapter(Hold)


def encode_hold(hold: Hold) -> bytes:
    return _HOLD.dump_json(hold)


def decode_hold(record: bytes) -> Hold:
    """Raises ValueError for what is not a hold."""
    return _HOLD.validate_json(record)
