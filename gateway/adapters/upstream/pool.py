"""Connections that wait for the next request, newest first.

The rule of this file: what was given up by either side is not lent out. So a connection is lent only while it is open,
young, and nothing has come over it; the server's own patience is most often longer than ours.
"""

import asyncio
from collections import deque
from typing import Final

from gateway.adapters.upstream.connection import Connection
from gateway.ports import Clock

IDLE_S: Final = 15.0


class Pool:
    """The idle connections to one origin. `clock` says how long they have been idle."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._idle: deque[tuple[float, Connection]] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, now: float) -> Connection | None:
        """The connection that was given back last; None when there is none that could be used."""
        while self._idle:
            since, connection = self._idle.pop()
            if now - since < IDLE_S and connection.usable and connection.quiet():
                return connection
            connection.close()
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep the connection if a request could begin on it, else close it."""
        if self._closed or not connection.usable:
            connection.close()
            return
        self._idle.append((self._clock.monotonic(), connection))
        if self._sweeping is None:
            self._sweep_in(IDLE_S)

    def sweep(self) -> None:
        """Close those that have been idle for too long, and come back for the next."""
        now, self._sweeping = self._clock.monotonic(), None
        while self._idle and now - self._idle[0][0] >= IDLE_S:
            self._idle.popleft()[1].close()
        if self._idle:
            self._sweep_in(self._idle[0][0] + IDLE_S - now)

    def close(self) -> None:
        """Close them all; those still lent out follow when they come back."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._idle:
            self._idle.pop()[1].close()

    def _sweep_in(self, seconds: float) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(seconds, self.sweep)
