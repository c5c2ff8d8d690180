"""Instants as text: RFC 3339 in UTC, exactly as `isoformat` writes them.

Every submit writes four, most of them within the second of the one before; `isoformat` takes each apart anew, which
costs as much as sealing a body. So what is the same for a whole second is written once.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 64


def timestamp(instant: datetime) -> str:
    """`2026-11-24T02:44:16.000001+00:00` for an aware instant."""
    since = instant - _EPOCH
    to_the_second, micros = _to_the_second(since.days, since.seconds), since.microseconds
    # Six digits, in half the time that a format takes to be read.
    return f"{to_the_second}.{str(1_000_000 + micros)[1:]}+00:00" if micros else f"{to_the_second}+00:00"


@lru_cache(maxsize=64)
def _to_the_second(days: int, seconds: int) -> str:
    return (_EPOCH + timedelta(days, seconds)).isoformat(timespec="seconds").removesuffix("+00:00")


def read_time(text: object) -> datetime | None:
    """An instant that the provider names, in UTC; None for what is none, or names no zone."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
