"""A proxy between a gateway and its store that counts what passes, and loses or forges what it is told to."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from tests.adapters.redis.frames import whole

# What to send in place of these replies of the store; None ends the connection.
Forge: TypeAlias = Callable[[list[bytes]], Awaitable[list[bytes] | None]]

_PIECE: Final = 1 << 20


class Proxy:
    """`requests` are the pieces that clients sent, `connections` how often they connected, `clients` who still is.

    While `lose_requests` or `lose_replies` is set, the next such piece ends its connection instead of arriving; while
    `last_words` is, the next replies arrive and end it. While `let_through` is not set, replies wait. `forge`, if set,
    says what becomes of whole replies; `crumbs`, if set, is how many bytes of them are sent at a time.
    """

    def __init__(self, store: str, url: str) -> None:
        self.url = url
        self._store = store
        self._open: set[asyncio.StreamWriter] = set()
        self.clients: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.requests: list[bytes] = []
        self.lose_requests = False
        self.lose_replies = False
        self.last_words = False
        self.forge: Forge | None = None
        self.crumbs = 0
        self.let_through = asyncio.Event()
        self.let_through.set()

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.connections += 1
        store, to_store = await asyncio.open_unix_connection(self._store)
        self._open |= {to_client, to_store}
        self.clients.add(to_client)
        try:
            ways = (self._requests(client, to_store), self._replies(store, to_client))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.clients.discard(to_client)
            for end in (to_client, to_store):
                end.transport.abort()
                self._open.discard(end)

    async def _requests(self, client: asyncio.StreamReader, to_store: asyncio.StreamWriter) -> None:
        while piece := await client.read(_PIECE):
            self.requests.append(piece)
            if self.lose_requests:
                return
            to_store.write(piece)

    async def _replies(self, store: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        left = b""
        while piece := await store.read(_PIECE):
            await self.let_through.wait()
            if self.lose_replies:
                return
            frames, left = whole(left + piece) if self.forge else ([left + piece], b"")
            sent = await self.forge(frames) if self.forge else frames
            if sent is None:
                return
            if self.last_words:
                # At once, so that they and the end are there together.
                to_client.write(b"".join(sent))
                to_client.write_eof()
                return
            await self._send(to_client, b"".join(sent))

    async def _send(self, to_client: asyncio.StreamWriter, data: bytes) -> None:
        size = self.crumbs or len(data)
        for start in range(0, len(data), size or 1):
            to_client.write(data[start : start + size])
            await to_client.drain()

    def say(self, unasked: bytes) -> None:
        """Send every client something that its store never said."""
        for client in self.clients:
            client.write(unasked)

    def abort(self) -> None:
        for end in self._open:
            end.transport.abort()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy to the store at a `unix://` URL, and its own URL."""
    with tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp") as directory:
        socket = Path(directory) / "p"
        proxy = Proxy(url.removeprefix("unix://"), f"unix://{socket}")
        server = await asyncio.start_unix_server(proxy.serve, socket, limit=_PIECE)
        try:
            yield proxy, proxy.url
        finally:
            server.close()
            proxy.abort()
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await server.wait_closed()
