"""A provider with its hands on the bytes: what it reads and says and how it ends is up to the test, to the byte."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from gateway.adapters.system import SystemClock
from gateway.adapters.upstream import HttpUpstream
from gateway.core.reply import UpstreamResult
from gateway.ports import Clock, Outgoing
from tests.walkthrough.house import CANARY

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Line:
    """One connection, from the provider's side. `received` is all that was read from it; `over`, that its script is."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()
        self.received = bytearray()
        self.over = asyncio.Event()

    async def read(self, size: int) -> None:
        """Read until `size` bytes have come in all, and not one more. Raises EOFError."""
        while len(self.received) < size:
            await self._some(size - len(self.received))

    async def request(self) -> bytes:
        """Read one request. Raises EOFError."""
        start = len(self.received)
        while (end := self.received.find(b"\r\n\r\n", start)) < 0:
            await self._some(65536)
        head = bytes(self.received[start:end]).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        await self.read(end + 4 + length)
        return bytes(self.received[start:])

    async def ended(self) -> None:
        """Wait until the other side closes; what it still says is read."""
        try:
            while True:
                await self._some(65536)
        except (EOFError, ConnectionError):
            return

    async def _some(self, most: int) -> None:
        piece = await self._loop.sock_recv(self._socket, most)
        if not piece:
            raise EOFError
        self.received += piece

    def say(self, data: bytes) -> None:
        """Send, at once: when this returns the bytes are in the other side's hands (it is the same machine)."""
        self._socket.sendall(data)

    async def say_all(self, data: bytes) -> None:
        """Send as fast as the other side takes it."""
        await self._loop.sock_sendall(self._socket, data)

    def close(self) -> None:
        """Close, at once. Where not all was read, that is a reset."""
        self._socket.close()

    def say_no_more(self) -> None:
        """Close the way to the other side only."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break it, at once."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._socket.close()


Script: TypeAlias = Callable[[Line], Awaitable[None]]


@dataclass(slots=True)
class Provider:
    """Where it listens, and every connection that was ever made to it, also one by one as they arrive."""

    port: int
    lines: list[Line] = field(default_factory=list)
    arrivals: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def reached(self) -> int:
        """How many connections have brought at least a byte."""
        return sum(bool(line.received) for line in self.lines)


@asynccontextmanager
async def provider(script: Script, receive_buffer: int | None = None) -> AsyncIterator[Provider]:
    """Listen; every connection plays the script. A script that ends leaves its connection as it is."""
    loop = asyncio.get_running_loop()
    failed: list[BaseException] = []

    async def play(line: Line) -> None:
        try:
            await script(line)
        except (EOFError, ConnectionError):
            pass
        finally:
            line.over.set()

    async def listen(listener: socket.socket, it: Provider) -> None:
        async with asyncio.TaskGroup() as plays:
            while True:
                connected, _ = await loop.sock_accept(listener)
                connected.setblocking(False)
                line = Line(connected)
                it.lines.append(line)
                it.arrivals.put_nowait(line)
                plays.create_task(play(line))

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        if receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.setblocking(False)
        it = Provider(listener.getsockname()[1])
        listening = asyncio.create_task(listen(listener, it))
        try:
            yield it
        finally:
            listening.cancel()
            done, _ = await asyncio.wait([listening])
            failed += [error for task in done if not task.cancelled() and (error := task.exception())]
            for line in it.lines:
                line.close()
    assert failed == []


@asynccontextmanager
async def upstream(url: str, clock: Clock | None = None, key: str = CANARY) -> AsyncIterator[HttpUpstream]:
    """What is tested."""
    it = HttpUpstream(url, lambda: key, clock or SystemClock())
    try:
        yield it
    finally:
        it.close()
        # Closed connections leave with the next turn of the event loop.
        await asyncio.sleep(0)


async def submit(
    to: HttpUpstream, deadline: float | None = None, body: bytes = b"{}", **headers: str
) -> UpstreamResult:
    """One submit with `deadline`, by the upstream's own clock; without one it has a minute."""
    ends = SystemClock().monotonic() + 60 if deadline is None else deadline
    async with to.slot() as slot:
        assert slot is not None
        return await slot.submit(Outgoing(body, {"X-Request-Id": "req_1", **headers}, ends))
