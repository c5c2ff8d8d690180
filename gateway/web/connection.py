"""One client's connection: aiohttp's, with an error page of ours, and an express lane for the plainest requests.

The rule of this file: one request at a time, answered in order, whichever lane it takes. A request takes the express
lane when it came whole and plain (`express.py`) and nothing of an earlier one is left; then neither aiohttp's parser
nor its request, task, stream and response objects have a part in it, which is most of what a request costs there.
"""

from collections.abc import Callable
from contextlib import suppress
from http.client import responses
from typing import Any, Final

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

from gateway.web import errors, headers
from gateway.web.call import Call
from gateway.web.edge import log_failure
from gateway.web.express import Lines, Whole, length_of, read_whole
from gateway.web.problem import render
from gateway.web.told import Told

_MOST_HELD_BACK: Final = 65_536
_LOST: Final = -1
_TURNS: Final = 4


class Connection(web.RequestHandler):
    """`lines` are the request lines that may take the express lane, and who answers them; `is_last` says whether the
    connection ends with its next answer."""

    __slots__ = ("_held_back", "_idle_task", "_is_last", "_lines", "_make_id", "_owed", "_riding")

    def __init__(
        self, make_id: Callable[[], str], is_last: Callable[[], bool], lines: Lines, server: web.Server, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._make_id = make_id
        self._is_last = is_last
        self._lines = lines
        self._riding = False
        # What arrives while a request is on the express lane waits here.
        self._held_back = b""
        # How many bytes of the last request aiohttp is still to be given; once nobody can know, for ever _LOST.
        self._owed = 0 if lines else _LOST

    def data_received(self, data: bytes) -> None:
        if self._riding:
            self._hold_back(data)
            return
        if not data or self._owed == _LOST or not self._board(data):
            self._alight(data)

    def _board(self, data: bytes) -> bool:
        """Take `data` on the express lane, if it is a request for it and aiohttp has nothing to do."""
        if self._owed or self._messages or self._request_in_progress or self._close or self._force_close:
            return False
        whole = read_whole(data, self._lines)
        if whole is None:
            return False
        self._riding = True
        self._set_out(whole, data, _TURNS)
        return True

    def _set_out(self, whole: Whole, data: bytes, turns: int) -> None:
        """Answer a request as soon as aiohttp waits for one. It has answered its last; that takes it a turn or two."""
        if self._waiter is not None and not self._waiter.done():
            self._ride(whole)
        elif turns and self.transport is not None:
            self._loop.call_soon(self._set_out, whole, data, turns - 1)
        else:
            self._riding = False
            self._alight(data)
            self._let_in()

    def _alight(self, data: bytes) -> None:
        """Leave `data` to aiohttp."""
        if data and self._owed != _LOST:
            self._owed = self._owed_after(data)
        super().data_received(data)

    def _owed_after(self, data: bytes) -> int:
        """What is owed to aiohttp when it has `data` too."""
        whole = self._owed or length_of(data)
        return _LOST if whole is None or whole < len(data) else whole - len(data)

    def _hold_back(self, data: bytes) -> None:
        self._held_back += data
        if len(self._held_back) > _MOST_HELD_BACK and not self._buffer_paused:
            self._pause_reading_for_buffer()

    def _ride(self, whole: Whole) -> None:
        # aiohttp waits at shutdown for what it takes for a request of its own, and then for the task it knows of.
        self._request_in_progress = True
        self._idle_task = self._task_handler
        self._task_handler = self._loop.create_task(self._answer(whole))

    async def _answer(self, whole: Whole) -> None:
        peer = self.peername
        remote = None if peer is None else str(peer[0] if isinstance(peer, tuple) else peer)
        given = headers.request_id(whole.headers, self._make_id)
        try:
            try:
                told = await whole.answer(Call(whole.headers, remote, given, len(whole.body)), whole.body)
                answer = self._bytes(told, given)
            except Exception as error:  # noqa: BLE001 - the last resort: an answer without internals, and one log line
                log_failure(given, error)
                answer = self._bytes(render(errors.internal_error(), given, ""), given)
            await self._send(answer)
        finally:
            self._arrive()

    def _bytes(self, told: Told, request_id: str) -> bytes:
        self._close = self._close or self._is_last()
        return _bytes(told, request_id, closes=self._close)

    async def _send(self, answer: bytes) -> None:
        """Send the one answer, as far as anybody is there to take it."""
        if self.transport is not None:
            self.transport.write(answer)
        if self._paused:
            with suppress(ConnectionError):
                await self._drain_helper()

    def _arrive(self) -> None:
        """Leave the express lane, and look at what came meanwhile."""
        self._riding = self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self.transport is None:
            return
        self._task_handler = self._idle_task
        if self._close or self._force_close:
            self.transport.close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        self._let_in()

    def _let_in(self) -> None:
        held_back, self._held_back = self._held_back, b""
        if held_back:
            self.data_received(held_back)
        if self._buffer_paused and not self._riding:
            self._resume_reading_if_drained()

    def _process_keepalive(self) -> None:
        if self._riding:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what the parser refused. aiohttp would quote it, in its log too, and it may hold a key."""
        if request.writer.output_size > 0:
            raise ConnectionResetError("an answer had begun")
        error = errors.invalid_request("This is not well-formed HTTP.") if status == 400 else errors.internal_error()
        response = render(error, self._make_id(), "").response()
        response.headers["Server"] = headers.SERVER
        response.force_close()
        return response


def _bytes(told: Told, request_id: str, *, closes: bool) -> bytes:
    """The answer on the wire. Raises ValueError for a header that is more than one line."""
    given = {
        **told.headers,
        headers.REQUEST_ID: request_id,
        "Server": headers.SERVER,
        "Date": rfc822_formatted_time(),
        "Content-Length": str(len(told.body)),
        **({"Connection": "close"} if closes else {}),
    }
    lines = [f"{name}: {value}" for name, value in given.items()]
    # All at once: looking for a character is quick, counting it is not.
    if "\r" in (whole := "".join(lines)) or "\n" in whole:
        raise ValueError("a header with a line break")
    lines.insert(0, f"HTTP/1.1 {told.status} {responses.get(told.status, '')}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode() + told.body
