"""A reply that is passed on while it comes: its head first, then its body in pieces, as fast as they are taken.

The rule of this file: only so much waits here. Once it is full the other side is not read from, until somebody has
taken some of it. What was cut short ends with Trouble, never like something whole.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from gateway.adapters.upstream.reply_reader import ReplyReader
from gateway.core.reply import Reply

_FULL: Final = 256 * 1024


class Inflow(ReplyReader):
    """Reads one reply, and hands it out. `transport` is paused while too much waits."""

    __slots__ = ("_arrived", "_ended", "_error", "_pieces", "_transport", "_waiting", "head")

    def __init__(self, transport: asyncio.Transport, head: asyncio.Future[Reply]) -> None:
        super().__init__()
        # Its body is empty: that is what `pieces` are for.
        self.head = head
        self._transport = transport
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._status and not self.head.done():
            self.head.set_result(Reply(self._status, self._headers, b""))

    def on_body(self, piece: bytes) -> None:
        # What was passed on is nobody's to hold against the reply.
        self._received = 0
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._arrived.set()
        if self._waiting >= _FULL:
            self._transport.pause_reading()

    def ended(self, error: Exception | None) -> None:
        """No more comes: all is here, or something is wrong."""
        self._ended, self._error = True, error
        if error is not None and not self.head.done():
            self.head.set_exception(error)
        self._arrived.set()

    async def pieces(self, patience: float) -> AsyncIterator[bytes]:
        """The body. Raises Trouble or OSError where it breaks off, TimeoutError after so many seconds of silence."""
        while True:
            async with asyncio.timeout(patience):
                await self._arrived.wait()
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting -= len(piece)
                yield piece
            if self._ended:
                if self._error is not None:
                    raise self._error
                return
            self._arrived.clear()
            if not self._transport.is_closing():
                self._transport.resume_reading()


async def blotted_pieces(pieces: AsyncIterator[bytes], secret: bytes, instead: bytes) -> AsyncIterator[bytes]:
    """The same bytes, with a secret blotted out wherever they are cut. The end of a piece waits for the next."""
    kept = b""
    async for piece in pieces:
        kept = (kept + piece).replace(secret, instead)
        sure = max(0, len(kept) - len(secret) + 1)
        if sure:
            yield kept[:sure]
        kept = kept[sure:]
    if kept:
        yield kept
