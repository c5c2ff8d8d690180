"""The provider's API as the use cases ask it: submits, each in a place of its own, and every other request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from gateway.core.reply import Reply, UpstreamResult
from gateway.core.value import value


@value
class Outgoing:
    """One submit as it goes out: the canonical body, what identifies it, and when it must have ended (monotonic)."""

    body: bytes
    headers: Mapping[str, str]
    deadline: float


@value
class Question:
    """Any other request than a submit. `path` is with its query; `body` None where there is none.

    `deadline` (monotonic) is when it must have been answered; one that is not `keyed` goes without the real key.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    deadline: float
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No whole answer came. What was asked may have happened, unless we were too `busy` to ask."""

    cause: str
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is passed on as it comes. `head` is without its body, which `pieces` are.

    They raise, whatever it is, where the answer breaks off: what came until then is not whole.
    """

    head: Reply
    pieces: AsyncIterator[bytes]


class Slot(Protocol):
    """A place in the upstream connection pool, taken before the hold."""

    async def submit(self, outgoing: Outgoing) -> UpstreamResult:
        """Send once, never again. Every failure is a value."""
        ...


class Upstream(Protocol):
    """The provider's API."""

    def slot(self) -> AbstractAsyncContextManager[Slot | None]:
        """Wait at most a second for a place; None when there is none."""
        ...

    async def ask(self, question: Question) -> Reply | Unanswered:
        """Ask once, with the real key, which is blotted out of the reply. Nothing is followed or sent again."""
        ...

    def passage(self, question: Question) -> AbstractAsyncContextManager[Streamed | Unanswered]:
        """The same, for answers of any length."""
        ...
