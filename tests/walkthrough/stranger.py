"""An upstream that is a socket and nothing more: it counts what arrives, and answers in bytes or not at all."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final, TypeAlias

Act: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Stranger:
    """Where it listens; how many connections were made, and every request with its head and body."""

    port: int = 0
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def head(self, number: int = 0) -> str:
        return self.requests[number].partition(b"\r\n\r\n")[0].decode("latin-1")

    def body(self, number: int = 0) -> bytes:
        return self.requests[number].partition(b"\r\n\r\n")[2]


@asynccontextmanager
async def stranger(*acts: Act, tls: SSLContext | None = None) -> AsyncIterator[Stranger]:
    """Listen; the first request meets the first act, and so on, the last act serving for all further ones."""
    it = Stranger(scheme="http" if tls is None else "https")

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.connections += 1
        it.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not writer.is_closing():
                it.requests.append(await _request(reader))
                await acts[min(len(it.requests), len(acts)) - 1](writer)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for writer in it.writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0]) if lengths else 0)


def reply(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """A whole response; `length` is what it says of its body's length, where that is not the truth."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(body) if length is None else length}",
        *(headers or ["Content-Type: application/json"]),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def says(*pieces: bytes) -> Act:
    """Sends these bytes and waits for the next request."""

    async def act(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return act


def says_when(told: asyncio.Event, *pieces: bytes) -> Act:
    """Says nothing before it is told to, then sends these bytes."""

    async def act(writer: asyncio.StreamWriter) -> None:
        await told.wait()
        await says(*pieces)(writer)

    return act


def says_and_closes(*pieces: bytes) -> Act:
    async def act(writer: asyncio.StreamWriter) -> None:
        await says(*pieces)(writer)
        writer.close()

    return act


def says_and_resets(*pieces: bytes) -> Act:
    """Sends these bytes, then breaks the connection with a TCP reset."""

    async def act(writer: asyncio.StreamWriter) -> None:
        await says(*pieces)(writer)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()

    return act


async def stays_silent(_writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.Event().wait()
