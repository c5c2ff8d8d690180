"""Requests to the provider, submits above all: swap our key for the real one, send once, map every failure to a value.

The rule of this file: no exception leaves a hold to itself. Whatever went wrong, and be it a mistake of ours, it
happened before or after a byte may have left, and that alone decides between not sent and unknown.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from traceback import format_tb
from typing import Final

from gateway.adapters.upstream.inflow import blotted_pieces
from gateway.adapters.upstream.origin import Origin
from gateway.adapters.upstream.request import Sending, Trouble, written
from gateway.core.reply import NotSent, Reply, Unknown, UpstreamResult, read_submit_reply
from gateway.ports import Clock, Outgoing, Question, Streamed, Unanswered

_LOG: Final = logging.getLogger("tollhouse.upstream")

SLOTS: Final = 512
LINES: Final = 128
STREAMS: Final = 64
SLOT_WAIT_S: Final = 1.0
SILENCE_S: Final = 30.0
REDACTED: Final = "[redacted]"

_BUSY: Final = Unanswered("no connection was free", busy=True)


class HttpUpstream:
    """Implements `ports.Upstream` and its slots. `key` yields the real key, afresh for every request."""

    def __init__(self, base_url: str, key: Callable[[], str], clock: Clock) -> None:
        self._origin = Origin(base_url, clock)
        self._begin = self._origin.opening("POST", "/v1/jobs/submit")
        self._key = key
        self._slots = asyncio.Semaphore(SLOTS)
        # Of their own, so that whoever polls keeps nobody from submitting, and whoever reads slowly nobody from either.
        self._lines = asyncio.Semaphore(LINES)
        self._streams = asyncio.Semaphore(STREAMS)

    def slot(self) -> "_Place":
        """A place in the pool, or None after a second. It is taken before the hold, so that waiting holds no money."""
        return _Place(self, self._slots)

    async def submit(self, outgoing: Outgoing) -> UpstreamResult:
        sending = Sending(outgoing.deadline)
        try:
            key = self._key()
            headers = {
                **outgoing.headers,
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
            reply = await self._origin.exchange(written(self._begin, headers, outgoing.body), sending)
            return read_submit_reply(_blotted(reply, key))
        except Exception as error:  # noqa: BLE001 (whatever it was, it happened before or after a byte may have left)
            cause = _cause(error)
            return Unknown(cause) if sending.may_have_left else NotSent(cause)

    async def ask(self, question: Question) -> Reply | Unanswered:
        async with AsyncExitStack() as stack:
            if not await _free(self._lines, stack):
                return _BUSY
            sending = Sending(question.deadline)
            try:
                key = self._key()
                return _blotted(await self._origin.exchange(self._written(question, key), sending), key)
            except Exception as error:  # noqa: BLE001 (whatever it was, there is no answer)
                return Unanswered(_cause(error))

    @asynccontextmanager
    async def passage(self, question: Question) -> AsyncIterator[Streamed | Unanswered]:
        async with AsyncExitStack() as stack:
            yield await self._open(stack, question) if await _free(self._streams, stack) else _BUSY

    async def _open(self, stack: AsyncExitStack, question: Question) -> Streamed | Unanswered:
        try:
            key = self._key()
            passage = self._origin.passage(self._written(question, key), Sending(question.deadline))
            inflow = await stack.enter_async_context(passage)
            pieces = blotted_pieces(inflow.pieces(SILENCE_S), key.encode(), REDACTED.encode())
            return Streamed(_blotted(inflow.head.result(), key), pieces)
        except Exception as error:  # noqa: BLE001 (whatever it was, there is no answer)
            return Unanswered(_cause(error))

    def _written(self, question: Question, key: str) -> bytes:
        headers = {**question.headers, "Accept-Encoding": "identity"}
        if question.body:
            headers["Content-Type"] = "application/json"
        if question.keyed:
            headers["Authorization"] = f"Bearer {key}"
        return written(self._origin.opening(question.method, question.path), headers, question.body)

    def close(self) -> None:
        """Close the connections to the provider."""
        self._origin.close()


async def _free(places: asyncio.Semaphore, stack: AsyncExitStack) -> bool:
    """Whether one came free within a second; it is taken for as long as the stack lasts."""
    try:
        async with asyncio.timeout(SLOT_WAIT_S):
            await places.acquire()
    except TimeoutError:
        return False
    stack.callback(places.release)
    return True


class _Place:
    """One of an upstream's places, for as long as the context lasts, if one came free in time."""

    __slots__ = ("_places", "_taken", "_upstream")

    def __init__(self, upstream: HttpUpstream, places: asyncio.Semaphore) -> None:
        self._upstream = upstream
        self._places = places
        self._taken = False

    async def __aenter__(self) -> HttpUpstream | None:
        if not self._places.locked():
            # It is there: neither a wait nor a timer.
            self._taken = await self._places.acquire()
            return self._upstream
        try:
            async with asyncio.timeout(SLOT_WAIT_S):
                self._taken = await self._places.acquire()
        except TimeoutError:
            return None
        return self._upstream

    async def __aexit__(self, *_error: object) -> None:
        if self._taken:
            self._places.release()


def _cause(error: Exception) -> str:
    """What went wrong, in words that quote nothing. What should not have is logged too, so that it never passes for
    trouble on the line."""
    if isinstance(error, Trouble):
        return str(error)
    cause = type(error).__name__
    if not isinstance(error, OSError):
        # Without its text, which may quote a header.
        _LOG.error("a request failed unforeseen: %s\n%s", cause, "".join(format_tb(error.__traceback__)))
    return cause


def _blotted(reply: Reply, key: str) -> Reply:
    """The reply with the real key blotted out should the upstream have echoed it: nothing after this ever sees it."""
    if key.encode() not in reply.body and key not in "\n".join(reply.headers.values()):
        return reply
    headers = {name: value.replace(key, REDACTED) for name, value in reply.headers.items()}
    return Reply(reply.status, headers, reply.body.replace(key.encode(), REDACTED.encode()))
