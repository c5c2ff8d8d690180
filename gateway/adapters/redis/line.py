"""One connection that all callers share: each answer goes to the caller who asked for it, or to nobody.

What is asked in one tick of the event loop leaves in one write. Answers come in the order of the calls and have no
names, so a link that loses one, or says one twice, would give every later caller the answer of another. Therefore each
call has a tag that no other call ever has: it is followed by an ECHO of it, and a script says it once more in its own
answer. An answer that its tag does not follow is nobody's, and neither is anything behind it: the connection is given
up, and so it is when any call waits too long, because those behind it would wait as long again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Final, Protocol, TypeAlias, cast

from hiredis import ProtocolError, Reader, ReplyError

from gateway.adapters.redis.proof import failure
from gateway.ports import StoreRefused, StoreUnavailable


class Caller(Protocol):
    """Who waits for an answer: a future, or whatever hands it on. None of these may raise; who is `done` has gone."""

    def done(self) -> bool: ...
    def set_result(self, answer: Any, /) -> None: ...
    def set_exception(self, error: BaseException, /) -> None: ...


# Whose answer it is, the call's tag, when it must have come, and whether it names the tag itself.
Call: TypeAlias = tuple[Caller, bytes, float, bool]

PATIENCE_S: Final = 1.5
# More could not be answered in time anyway.
LONGEST_QUEUE: Final = 16_384
TOO_MANY: Final = "too many calls wait for the store"
# So many bytes of a tag are the same in all tags of a process, and in nobody else's.
_OURS: Final = 16
_GRACE_S: Final = 0.01
_MORE: Final = object()


def followed_by_tag(packed: bytes, tag: bytes) -> bytes:
    """What is sent for a call: the call, and the ECHO of its tag."""
    return b"%b*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (packed, len(tag), tag)


class Line(asyncio.Protocol):
    """A connection to the store. `lost` says why it was given up, else nothing; `closed` is done when it has ended."""

    def __init__(self, given_up: Callable[["Line"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._given_up = given_up
        self._transport: asyncio.Transport | None = None
        self._reader = Reader(notEnoughData=_MORE)
        self._asked: deque[Call] = deque()
        self._unwritten: list[bytes] = []
        self._writes = False
        self._answer: Any = _MORE
        self._alarm: asyncio.TimerHandle | None = None
        self.lost = ""
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def ask(self, call: Call, data: bytes) -> None:
        """Take it; its caller hears what comes of it. It leaves with the next `write`."""
        if self.lost or len(self._asked) >= LONGEST_QUEUE:
            call[0].set_exception(StoreRefused(self.lost or TOO_MANY))
            return
        self._unwritten.append(data)
        self._asked.append(call)
        if self._alarm is None:
            self._set_alarm(call[2])

    def write_soon(self) -> None:
        """Send what this tick asks, when it ends."""
        if not self._writes:
            self._writes = True
            self._loop.call_soon(self.write)

    def write(self) -> None:
        """Send what was asked, now."""
        self._writes = False
        if self._unwritten and self._transport is not None:
            data = b"".join(self._unwritten)
            self._unwritten.clear()
            self._transport.write(data)

    def abandon(self, why: str) -> None:
        """Give the connection up. Who was not yet written can be sure that nothing ran; the others cannot."""
        if self.lost:
            return
        self.lost = why
        if self._transport is None:
            self.closed.set_result(None)
        else:
            self._transport.abort()
        written = len(self._asked) - len(self._unwritten)
        for n, (caller, *_) in enumerate(self._asked):
            if not caller.done():
                caller.set_exception(StoreUnavailable(why) if n < written else StoreRefused(why))
        self._asked.clear()
        self._unwritten.clear()
        self._given_up(self)

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # An instance of no such class under uvloop, and yet one.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.abandon(f"the connection to the store broke: {exc}")
        if not self.closed.done():
            self.closed.set_result(None)

    def eof_received(self) -> None:
        self.abandon("the store closed the connection")

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            trouble = self._hand_out()
        except ProtocolError as error:
            trouble = f"the store does not speak its protocol: {error}"
        if trouble:
            self.abandon(trouble)

    def _hand_out(self) -> str:
        """Give every answer that its tag followed to its caller. Returns what is wrong, or nothing."""
        gets, asked, answer = self._reader.gets, self._asked, self._answer
        while (word := gets()) is not _MORE:
            if not asked:
                return f"the store said what nobody asked for{f': {word}' if type(word) is ReplyError else ''}"
            if answer is _MORE:
                answer = word
                continue
            call = asked[0]
            if word != call[1] or not _belongs(answer, call):
                return self._denied(answer, word)
            asked.popleft()
            _settle(call, answer)
            answer = _MORE
        self._answer = answer
        return ""

    def _denied(self, answer: Any, word: Any) -> str:
        """Where the store refuses the ECHO as well, what it says of the call itself still counts."""
        if type(word) is not ReplyError:
            return "the store's answers are out of order"
        if type(answer) is ReplyError:
            _settle(self._asked.popleft(), answer)
        return f"the store refuses ECHO: {failure(str(word))}"

    # Who waits too long.

    def _set_alarm(self, deadline: float) -> None:
        """One alarm at a time: for the call that must be answered first."""
        self._alarm = self._loop.call_at(deadline, self._alarmed, deadline)

    def _alarmed(self, deadline: float) -> None:
        # An event loop that was late itself has not read yet what came meanwhile.
        self._alarm = self._loop.call_later(_GRACE_S, self._judge, deadline)

    def _judge(self, deadline: float) -> None:
        self._alarm = None
        earliest = min((must_come for _, _, must_come, _ in self._asked), default=inf)
        if earliest <= deadline:
            self.abandon(f"the store did not answer in {PATIENCE_S} s")
        elif earliest < inf:
            self._set_alarm(earliest)


def _belongs(answer: Any, call: Call) -> bool:
    """Whether the answer names this call, if it must, and else no call at all."""
    _, tag, _, named = call
    name = answer[0] if type(answer) is list and answer else answer
    if named:
        return (name == tag and name is not answer) or type(answer) is ReplyError
    return type(name) is not bytes or name[:_OURS] != tag[:_OURS]


def _settle(call: Call, answer: Any) -> None:
    caller, _, _, named = call
    if caller.done():
        return
    if type(answer) is ReplyError:
        caller.set_exception(failure(str(answer)))
    elif named and type(answer[1]) is ReplyError:
        # The script itself came to this: it ran.
        caller.set_exception(StoreUnavailable(str(answer[1])))
    else:
        caller.set_result(answer[1] if named else answer)
