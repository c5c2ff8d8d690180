"""The way between a gateway and the store, with delays: what is on it when an end dies is lost, or arrives late."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

Delay: TypeAlias = Callable[[bytes], float]

_PIECE: Final = 1 << 20


class Wire:
    """Passes on every piece in order, `delay(piece)` seconds after it came, and not while `open` is clear."""

    def __init__(self, store: Path, socket: Path, delay: Delay) -> None:
        self.url = f"unix://{socket}"
        self.open = asyncio.Event()
        self.open.set()
        self._store = store
        self._delay = delay
        self._ways: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._served: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Lose everything that is on the way, and every connection."""
        for way in self._ways:
            way.cancel()
        for end in self._ends:
            end.transport.abort()

    def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """One connection of the gateway's."""
        self._ends.add(to_client)
        served = asyncio.ensure_future(self._serve(client, to_client))
        self._served.add(served)
        served.add_done_callback(self._served.discard)

    async def ended(self) -> None:
        """Lose everything, and wait until nobody is served any more."""
        self.cut()
        while self._served:
            await asyncio.wait(self._served)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            store, to_store = await asyncio.open_unix_connection(self._store, limit=_PIECE)
        except OSError:
            self._close(to_client)
            return
        self._ends.add(to_store)
        ways = [asyncio.ensure_future(self._way(*ends)) for ends in ((client, to_store), (store, to_client))]
        self._ways |= set(ways)
        # Whichever end hangs up, what it said before still arrives; then there is nobody to answer.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        self._ways -= set(ways)
        self._close(to_client)
        self._close(to_store)

    def _close(self, end: asyncio.StreamWriter) -> None:
        end.transport.abort() if end.transport.get_write_buffer_size() == 0 else end.close()
        self._ends.discard(end)

    async def _way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        reading = asyncio.ensure_future(self._read(source, pieces))
        try:
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                await self.open.wait()
                if not piece or sink.is_closing():
                    return
                sink.write(piece)
        finally:
            reading.cancel()

    async def _read(self, source: asyncio.StreamReader, pieces: "asyncio.Queue[tuple[float, bytes]]") -> None:
        piece = b"more"
        while piece:
            piece = b""
            with suppress(ConnectionError):
                piece = await source.read(_PIECE)
            pieces.put_nowait((asyncio.get_running_loop().time() + self._delay(piece), piece))


@asynccontextmanager
async def wire(store: Path, socket: Path, delay: Delay) -> AsyncIterator[Wire]:
    """Listen at `socket` for one gateway."""
    it = Wire(store, socket, delay)
    server = await asyncio.start_unix_server(it.serve, socket, limit=_PIECE)
    try:
        yield it
    finally:
        server.close()
        await it.ended()
