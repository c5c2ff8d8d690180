"""One request on its way: its bytes, until when it must have ended, and whether any of it may have left.

The rule of this file: a header is one line. What would make two of one is refused while nothing has been sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class Trouble(Exception):
    """What may be expected to go wrong on the line. Its words are ours and quote nothing that was sent or received."""


class UnfitHeader(Exception):
    """A header that is more than one line. A mistake of ours: what clients send is vetted before it gets here."""


@dataclass(slots=True)
class Sending:
    """One request: its deadline (monotonic), and whether a byte of it may have left. That is never unset."""

    deadline: float
    may_have_left: bool = False


def opening(method: str, target: str, host: str) -> str:
    """How a request begins, the same for all that go to one place. Raises UnfitHeader."""
    if not f"{target}{host}".isprintable():
        raise UnfitHeader
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"


def written(begin: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The whole request, without a body where that is None.

    Raises UnfitHeader, or UnicodeEncodeError for what is not ASCII.
    """
    lines = [f"{name}: {value}" for name, value in headers.items()]
    # All at once: looking for a character is quick, counting it is not.
    if "\r" in (whole := "".join(lines)) or "\n" in whole or "\0" in whole:
        raise UnfitHeader
    lines.append("\r\n" if body is None else f"Content-Length: {len(body)}\r\n\r\n")
    return (begin + "\r\n".join(lines)).encode("ascii") + (body or b"")
