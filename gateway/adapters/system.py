"""The machine's clock, its source of randomness, and its boot: the only module that reads any of them."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """`now` is wall time, aware UTC; `monotonic` is seconds since an arbitrary moment, for deadlines."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class SystemEntropy:
    """Random bytes fit for secrets."""

    def token(self, size: int) -> bytes:
        return secrets.token_bytes(size)


def machine_boot(source: Path = _BOOT_ID) -> str | None:
    """A name for the time since the machine started, another one after each start; None where the system has none."""
    try:
        return source.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
