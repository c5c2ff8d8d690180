"""One connection to the upstream: one request at a time, written whole and once, and the reply to it.

The rule of this file: a connection that is not exactly where a next request could begin is closed and never used again.
That is so after half a reply, after more than a reply, after anything that nobody asked for, and when it is given up.
"""

import asyncio
import select
from typing import cast

from gateway.adapters.upstream.inflow import Inflow
from gateway.adapters.upstream.reply_reader import ReplyReader
from gateway.adapters.upstream.request import Sending, Trouble
from gateway.core.reply import Reply
from gateway.ports import Clock


class Connection(asyncio.Protocol):
    """Created by the event loop, which calls whatever has no underscore and no docstring."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrivals = select.poll()
        self._reader: ReplyReader | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._inflow: Inflow | None = None

    @property
    def usable(self) -> bool:
        """Whether a request may begin here once the one before has its reply, as far as the event loop has seen."""
        return not self._transport.is_closing()

    def quiet(self) -> bool:
        """Whether nothing has arrived that the event loop has not seen yet: an end, or bytes that nobody asked for."""
        return not self._arrivals.poll(0)

    async def ask(self, content: bytes, sending: Sending, clock: Clock) -> Reply:
        """Write the request unless its deadline has passed, and wait for the reply until then.

        Raises Trouble or OSError. Call it only while the connection is usable.
        """
        left = sending.deadline - clock.monotonic()
        if left <= 0:
            raise Trouble("deadline passed")
        self._reader, self._answer = ReplyReader(), self._loop.create_future()
        timer = self._loop.call_later(left, self._fail, TimeoutError())
        try:
            sending.may_have_left = True
            self._transport.write(content)
            return await self._answer
        except BaseException:
            # Given up, or failed: either way the reply is not to be read by whoever comes next.
            self.close()
            raise
        finally:
            timer.cancel()
            self._answer = None

    async def open(self, content: bytes, sending: Sending, clock: Clock) -> Inflow:
        """Write the request unless its deadline has passed, and wait for the head of the reply until then.

        Raises Trouble or OSError. Whoever takes the rest calls `leave` in the end.
        """
        left = sending.deadline - clock.monotonic()
        if left <= 0:
            raise Trouble("deadline passed")
        inflow = Inflow(self._transport, self._loop.create_future())
        self._reader = self._inflow = inflow
        timer = self._loop.call_later(left, self._fail, TimeoutError())
        try:
            sending.may_have_left = True
            self._transport.write(content)
            await inflow.head
        except BaseException:
            self.leave()
            raise
        finally:
            timer.cancel()
        return inflow

    def leave(self) -> None:
        """The reply that was opened is not wanted any more. If it is not whole, neither is the connection."""
        if self._inflow is not None:
            self._inflow = None
            self.close()

    def close(self) -> None:
        """Close at once, without a farewell that the other side could draw out."""
        self._reader = None
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._arrivals.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            self.close()
            return
        try:
            read = self._reader.feed(data)
        except Exception as error:  # noqa: BLE001 (whoever asked is told, and nobody else)
            self._fail(error)
            return
        if read is not None:
            self._succeed(*read)

    def eof_received(self) -> None:
        if self._reader is None:
            self.close()
            return
        try:
            reply = self._reader.finish()
        except Trouble as trouble:
            self._fail(trouble)
        else:
            self._succeed(reply, False)

    def connection_lost(self, error: Exception | None) -> None:
        if self._reader is not None:
            self._fail(error or Trouble("connection closed"))

    def _succeed(self, reply: Reply, reusable: bool) -> None:
        self._reader = None
        if not reusable or self._transport.get_write_buffer_size():
            self.close()
        if self._inflow is not None:
            # It may have been paused, by the last of what it brought.
            inflow, self._inflow = self._inflow, None
            inflow.ended(None)
            if not self._transport.is_closing():
                self._transport.resume_reading()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reply)

    def _fail(self, error: Exception) -> None:
        self.close()
        if self._inflow is not None:
            inflow, self._inflow = self._inflow, None
            inflow.ended(error)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
