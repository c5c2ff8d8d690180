"""The machine's clock and its source of randomness: the only module that reads either."""

import os
import time
from datetime import UTC, datetime
from typing import Final

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
