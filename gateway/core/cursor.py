"""Where a page of a list ended, as text that a client hands back.

The rule of this file: a cursor is opaque to clients, and says nothing that decides what is shown.
"""

import base64
import binascii
import json
from typing import Final

_LONGEST: Final = 512


def write_cursor(*parts: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def open_cursor(text: str) -> list[object] | None:
    """The parts of it; None for what is no cursor."""
    if len(text) > _LONGEST:
        return None
    try:
        parts = json.loads(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return parts if isinstance(parts, list) else None


def read_place(parts: list[object]) -> tuple[int, str] | None:
    """An instant (microseconds since 1970) and the id of a hold; None for what is none."""
    if len(parts) != 2:
        return None
    micros, hold = parts
    if type(micros) is not int or not 0 <= micros < 2**53 or not isinstance(hold, str):
        return None
    return (micros, hold) if hold and hold.isascii() and hold.isprintable() else None
