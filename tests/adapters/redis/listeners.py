"""Servers that are no store: they take connections, and say what they are told, or nothing."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Listener:
    """`connections` is how many came. Each hears `greeting`, and nothing more; then it is closed, or kept open."""

    def __init__(self, greeting: bytes, *, hangs_up: bool) -> None:
        self.connections = 0
        self._greeting = greeting
        self._hangs_up = hangs_up
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        writer.write(self._greeting)
        if self._hangs_up:
            writer.close()

    def abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def listener(greeting: bytes = b"", *, hangs_up: bool = False) -> AsyncIterator[tuple[Listener, str, int]]:
    """A listener on a unix socket and on a port of loopback, the URL of the one and the number of the other."""
    listening = Listener(greeting, hangs_up=hangs_up)
    with tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp") as directory:
        socket = Path(directory) / "s"
        servers = (
            await asyncio.start_unix_server(listening.serve, str(socket)),
            await asyncio.start_server(listening.serve, "127.0.0.1", 0),
        )
        try:
            yield listening, f"unix://{socket}", servers[1].sockets[0].getsockname()[1]
        finally:
            for server in servers:
                server.close()
            listening.abort()
            await asyncio.sleep(0)
