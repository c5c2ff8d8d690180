"""Puts every call through to the store: on the line that is open, or on the one that is being opened.

While no line is open, calls wait for the one attempt under way and share what becomes of it: nothing of theirs was
sent, so whoever is turned away here can be sure that nothing ran. After a failed attempt, the next call makes another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from gateway.adapters.redis.address import Address
from gateway.adapters.redis.line import LONGEST_QUEUE, PATIENCE_S, TOO_MANY, Call, Caller, Line, followed_by_tag
from gateway.adapters.redis.words import Argument, Words, command, pack
from gateway.ports import StoreRefused, StoreUnavailable

# Sends one command, and waits for what the store says.
Speak: TypeAlias = Callable[[tuple[Argument, ...]], Awaitable[Any]]

_CLOSED: Final = "the connection to the store was closed"


class Switchboard:
    """`greet` is the first to speak on each new line, and rejects it by raising StoreUnavailable. The tags of these
    calls, and of no others, begin with `prefix`."""

    def __init__(self, address: Address, greet: Callable[[Speak], Awaitable[None]], prefix: bytes) -> None:
        self._address = address
        self._greet = greet
        self._prefix = prefix.hex().encode()
        self._number = 0
        self._line: Line | None = None
        self._dialling: asyncio.Task[Line] | None = None
        self._waiting: list[tuple[Call, bytes]] = []
        self._lines: set[Line] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of whoever asked first, and so of all. To find out which one runs is a call to the system."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def ask(self, words: tuple[Argument, ...], deadline: float) -> asyncio.Future[Any]:
        """The answer, by the deadline on the event loop's clock. It raises StoreUnavailable, or NoScriptError."""
        answer = self.loop.create_future()
        self._put(self._call(answer, deadline, pack(*words)))
        self.write_soon()
        return answer

    def run(self, caller: Caller, deadline: float, *script: Words) -> None:
        """Ask a script. The tag of the call is its last argument, and the answer must begin with it.

        It leaves with the next `write`.
        """
        self._put(self._call(caller, deadline, *script, named=True))

    def write_soon(self) -> None:
        """Send what this tick asks, when it ends."""
        if self._line is not None:
            self._line.write_soon()

    def write(self) -> None:
        """Send what was asked, now."""
        if self._line is not None:
            self._line.write()

    def _put(self, put: tuple[Call, bytes]) -> None:
        call, data = put
        if self._line is not None:
            self._line.ask(call, data)
        elif self._closed or len(self._waiting) >= LONGEST_QUEUE:
            call[0].set_exception(StoreRefused(_CLOSED if self._closed else TOO_MANY))
        else:
            self._waiting.append((call, data))
            self._dial_once()

    def _call(self, caller: Caller, deadline: float, *words: Words, named: bool = False) -> tuple[Call, bytes]:
        self._number += 1
        tag = b"%b%016x" % (self._prefix, self._number)
        if named:
            words = (*words, Words(1, b"$%d\r\n%b\r\n" % (len(tag), tag)))
        return (caller, tag, deadline, named), followed_by_tag(command(*words), tag)

    def _dial_once(self) -> None:
        if self._dialling is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
            self._dialling.add_done_callback(self._dialled)

    async def _dial(self) -> Line:
        line = Line(self._given_up)
        self._lines.add(line)
        line.closed.add_done_callback(lambda _: self._lines.discard(line))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._address.open(line)
                for words in self._address.introduction():
                    await self._speak(line, words)
                await self._greet(lambda words: self._speak(line, words))
        except BaseException:
            line.abandon("the connection to the store was not established")
            raise
        return line

    def _speak(self, line: Line, words: tuple[Argument, ...]) -> asyncio.Future[Any]:
        answer = self.loop.create_future()
        line.ask(*self._call(answer, self.loop.time() + PATIENCE_S, pack(*words)))
        line.write()
        return answer

    def _dialled(self, dialling: asyncio.Task[Line]) -> None:
        self._dialling = None
        calls = [(call, data) for call, data in self._waiting if not call[0].done()]
        self._waiting.clear()
        error = StoreRefused(_CLOSED) if dialling.cancelled() else dialling.exception()
        if error is None:
            line = dialling.result()
            self._line = None if line.lost else line
            for call, data in calls:
                line.ask(call, data)
            line.write()
        else:
            for call, _ in calls:
                call[0].set_exception(_turned_away(error))

    def _given_up(self, line: Line) -> None:
        if self._line is line:
            self._line = None

    async def close(self) -> None:
        """Hang up; whoever asks from now on is refused."""
        self._closed = True
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        for line in list(self._lines):
            line.abandon(_CLOSED)
            await line.closed


def _turned_away(error: BaseException) -> BaseException:
    """Why a call was not put through. What is not trouble with the store is a mistake of ours, and stays what it is."""
    if isinstance(error, StoreUnavailable):
        refused = StoreRefused(str(error))
    elif isinstance(error, OSError):
        refused = StoreRefused(f"the store cannot be reached: {type(error).__name__}: {error}")
    else:
        return error
    refused.__cause__ = error
    return refused
