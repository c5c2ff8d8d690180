"""A hold as text, the same in the store and in the spool: JSON, times as RFC 3339."""

from functools import lru_cache
from typing import Final

from pydantic import TypeAdapter

from gateway.core.ledger import Hold

_HOLD: Final = TypeAdapter(Hold)
_REMEMBERED: Final = 1024


@lru_cache(maxsize=_REMEMBERED)
def encode_hold(hold: Hold) -> bytes:
    """The same for every one who writes it: the store at the hold and at its move, and the spool between."""
    return _HOLD.dump_json(hold)


def decode_hold(record: bytes) -> Hold:
    """Raises ValueError for what is not a hold."""
    return _HOLD.validate_json(record)
