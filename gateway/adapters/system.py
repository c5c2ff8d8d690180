"""The machine's clock and its source of randomness: the only module that reads either."""

import secrets
import time
from datetime import UTC, datetime


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
