"""Requests to the provider, submits above all: swap our key for the real one, send once, map every failure to a value.

The rule of this file: no exception leaves a hold to itself. Whatever went wrong, and be it a mistake of ours, it
happened before or after a byte may have left, and that alone decides between not sent and unknown.
"""

import asyncio
import logging
from collections.abc import Callable
from traceback import format_tb
from typing import Final

from gateway.adapters.upstream.origin import Origin
from gateway.adapters.upstream.request import Sending, Trouble, written
from gateway.core.reply import NotSent, Reply, Unknown, UpstreamResult, read_submit_reply
from gateway.ports import Clock, Outgoing, Question, Unanswered

_LOG: Final = logging.getLogger("tollhouse.upstream")

SLOTS: Final = 512
LINES: Final = 128
SLOT_WAIT_S: Final = 1.0
REDACTED: Final = "[redacted]"


class HttpUpstream:
    """Implements `ports.Upstream` and its slots. `key` yields the real key, afresh for every request."""

    def __init__(self, base_url: str, key: Callable[[], str], clock: Clock) -> None:
        self._origin = Origin(base_url, clock)
        self._begin = self._origin.opening("POST", "/v1/jobs/submit")
        self._key = key
        self._slots = asyncio.Semaphore(SLOTS)
        # Of their own, so that whoever polls keeps nobody from submitting.
        self._lines = asyncio.Semaphore(LINES)

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
        sending = Sending(question.deadline)
        try:
            async with asyncio.timeout(SLOT_WAIT_S):
                await self._lines.acquire()
        except TimeoutError:
            return Unanswered("no connection was free")
        try:
            key = self._key()
            begin = self._origin.opening(question.method, question.path)
            reply = await self._origin.exchange(written(begin, _with_key(question, key), question.body), sending)
            return _blotted(reply, key)
        except Exception as error:  # noqa: BLE001 (whatever it was, there is no answer)
            return Unanswered(_cause(error))
        finally:
            self._lines.release()

    def close(self) -> None:
        """Close the connections to the provider."""
        self._origin.close()


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


def _with_key(question: Question, key: str) -> dict[str, str]:
    typed = {} if question.body is None else {"Content-Type": "application/json"}
    return {**question.headers, **typed, "Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}


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
