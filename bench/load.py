"""A load on one address over keep-alive connections: raw sockets and one epoll, so that it costs the least it can.

The rule of this file: every answer is looked at, and anything but a 200 with a job id ends the benchmark. Under a
fixed rate a latency counts from the moment at which the request should have been sent, so that a server which stalls
is not flattered by a load that waits for it.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Final, TypeAlias

from bench.figures import Spread, spread

Address: TypeAlias = tuple[str, int]

_PATIENCE_S: Final = 20.0
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class UnexpectedAnswer(Exception):
    """An answer that is not a job, or none at all: what is measured is not what was meant to be."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many answers came in how many seconds, and how long each took, in seconds."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def answers(self) -> int:
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    @property
    def spread(self) -> Spread:
        return spread(self.latencies)


def request_bytes(host: str, path: str, key: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def body_of(answer: bytes) -> bytes | None:
    """The body of one HTTP answer with a length; None while it has not arrived whole."""
    head, end, body = answer.partition(_HEAD_END)
    if not end:
        return None
    at = head.lower().find(_LENGTH)
    if at < 0:
        raise UnexpectedAnswer(f"an answer without a length: {answer!r}")
    length = int(head[at + len(_LENGTH) :].split(b"\r", 1)[0])
    return body if len(body) >= length else None


def due_times(begin: float, rate: float, seconds: float) -> list[float]:
    """When each request of an open load should be sent: `rate` a second, evenly, for `seconds` from `begin` on."""
    return [begin + index / rate for index in range(round(rate * seconds))]


class _Connection:
    """One connection with at most one request on it, and when that was due."""

    __slots__ = ("_arrived", "due", "socket")

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, _PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._arrived = b""

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Read what is there; whether the answer is whole. Raises UnexpectedAnswer."""
        data = self.socket.recv(65536)
        self._arrived = self._arrived + data if self._arrived else data
        body = body_of(self._arrived)
        if body is None:
            if not data:
                raise UnexpectedAnswer(f"the connection ended amid {self._arrived!r}")
            return False
        if not self._arrived.startswith(b"HTTP/1.1 200 ") or b'"jobId"' not in body:
            raise UnexpectedAnswer(repr(self._arrived))
        self._arrived = b""
        return True


class _Wire:
    """The connections of one load, and the requests to send over them in turn."""

    def __init__(self, connections: Sequence[_Connection], requests: Sequence[bytes], poll: select.epoll) -> None:
        self.connections = connections
        self.requests: Iterator[bytes] = cycle(requests)
        self._poll = poll
        self._by_descriptor = {one.socket.fileno(): one for one in connections}
        for descriptor in self._by_descriptor:
            poll.register(descriptor, select.EPOLLIN)

    def answered(self, wait: float | None) -> Iterator[_Connection]:
        """Those whose answer is whole, after at most `wait` seconds (None: as soon as there is anything)."""
        # select waits by the microsecond, epoll by the millisecond.
        readable, _, _ = select.select((self._poll,), (), (), _PATIENCE_S if wait is None else wait)
        if not readable and wait is None:
            raise UnexpectedAnswer(f"no answer for {_PATIENCE_S:.0f} s")
        for descriptor, _ in self._poll.poll(0):
            connection = self._by_descriptor[descriptor]
            if connection.answered():
                yield connection


@contextmanager
def _wire(address: Address, requests: Sequence[bytes], connections: int) -> Iterator[_Wire]:
    opened = [_Connection(address) for _ in range(connections)]
    with ExitStack() as stack:
        for connection in opened:
            stack.enter_context(connection.socket)
        yield _Wire(opened, requests, stack.enter_context(select.epoll()))


def closed_load(address: Address, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Each connection sends its next request as soon as it has its answer. Raises UnexpectedAnswer."""
    clock = time.perf_counter
    latencies: list[float] = []
    with _wire(address, requests, connections) as wire:
        begin = clock()
        for connection in wire.connections:
            connection.send(next(wire.requests), clock())
        busy = connections
        while busy:
            for connection in wire.answered(None):
                now = clock()
                latencies.append(now - connection.due)
                if now - begin < seconds:
                    connection.send(next(wire.requests), now)
                else:
                    busy -= 1
        return Load(clock() - begin, tuple(latencies))


def open_load(address: Address, requests: Sequence[bytes], connections: int, rate: float, seconds: float) -> Load:
    """`rate` requests a second, whatever becomes of them; those due wait for a free connection, and it counts.

    Raises UnexpectedAnswer.
    """
    clock = time.perf_counter
    latencies: list[float] = []
    with _wire(address, requests, connections) as wire:
        free = deque(wire.connections)
        begin = clock()
        waiting = deque(due_times(begin, rate, seconds))
        total = len(waiting)
        while len(latencies) < total:
            while free and waiting and waiting[0] <= clock():
                free.popleft().send(next(wire.requests), waiting.popleft())
            wait = max(waiting[0] - clock(), 0.0) if free and waiting else None
            for connection in wire.answered(wait):
                latencies.append(clock() - connection.due)
                free.append(connection)
        return Load(clock() - begin, tuple(latencies))
