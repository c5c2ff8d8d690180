"""The machine's clock, its source of randomness, and its boot: the only module that reads any of them."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_AT_ONCE: Final = 1024


class SystemClock:
    """`now` is wall time, aware UTC; `monotonic` is seconds since an arbitrary moment, for deadlines."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class SystemEntropy:
    """Random bytes fit for secrets. They are drawn many at once, and none is given out twice."""

    def __init__(self) -> None:
        self._drawn = b""

    def token(self, size: int) -> bytes:
        if size > len(self._drawn):
            self._drawn = os.urandom(max(size, _AT_ONCE))
        token, self._drawn = self._drawn[:size], self._drawn[size:]
        return token

    def chance(self) -> float:
        """A number from 0 to 1, of which 1 is never drawn."""
        return int.from_bytes(self.token(4)) / 2**32


def machine_boot(source: Path = _BOOT_ID) -> str | None:
    """A name for the time since the machine started, another one after each start; None where the system has none."""
    try:
        return source.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
