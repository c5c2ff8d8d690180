"""A proxy between a gateway and its store that counts what passes and loses what it is told to lose."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20


class Proxy:
    """`requests` are the pieces that clients sent, `connections` how often they connected.

    While `lose_requests` or `lose_replies` is set, the next such piece ends its connection instead of arriving. While
    `let_through` is not set, replies wait.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._open: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.requests: list[bytes] = []
        self.lose_requests = False
        self.lose_replies = False
        self.let_through = asyncio.Event()
        self.let_through.set()

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.connections += 1
        store, to_store = await asyncio.open_unix_connection(self._store)
        self._open |= {to_client, to_store}
        try:
            ways = (self._requests(client, to_store), self._replies(store, to_client))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
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
        while piece := await store.read(_PIECE):
            await self.let_through.wait()
            if self.lose_replies:
                return
            to_client.write(piece)

    def abort(self) -> None:
        for end in self._open:
            end.transport.abort()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy to the store at a `unix://` URL, and its own URL."""
    proxy = Proxy(url.removeprefix("unix://"))
    with tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp") as directory:
        socket = Path(directory) / "p"
        server = await asyncio.start_unix_server(proxy.serve, socket, limit=_PIECE)
        try:
            yield proxy, f"unix://{socket}"
        finally:
            server.close()
            proxy.abort()
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await server.wait_closed()
