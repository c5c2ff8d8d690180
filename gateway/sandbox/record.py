"""What arrived: the last submits exactly as received, so that a test can prove what was sent and what was not.

Credentials are struck out before anything is kept.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

CREDENTIALS: Final = frozenset({"authorization", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Received:
    """One submit: its path with the query, headers in order, body, and whether its key was one of ours."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    key_matched: bool

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def as_json(self) -> dict[str, object]:
        return {
            "path": self.path,
            "headers": [list(pair) for pair in self.headers],
            "key_matched": self.key_matched,
            "sha256": hashlib.sha256(self.body).hexdigest(),
            **self._body_as_json(),
        }

    def _body_as_json(self) -> dict[str, str]:
        try:
            return {"body": self.body.decode()}
        except UnicodeDecodeError:
            return {"body_base64": base64.b64encode(self.body).decode()}


@dataclass(slots=True)
class Record:
    """The last `keep` submits, and how many were at most in hand at the same time."""

    keep: int
    in_flight: int = 0
    peak: int = 0
    submits: deque[Received] = field(init=False)

    def __post_init__(self) -> None:
        self.submits = deque(maxlen=self.keep)

    def add(self, path: str, headers: tuple[tuple[bytes, bytes], ...], body: bytes, key_matched: bool) -> None:
        self.submits.append(Received(path, tuple(_kept(*pair) for pair in headers), body, key_matched))

    @contextmanager
    def one_more(self) -> Iterator[None]:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    def clear(self) -> None:
        self.submits.clear()
        self.peak = self.in_flight

    def as_json(self) -> dict[str, object]:
        return {"peak_in_flight": self.peak, "requests": [each.as_json() for each in self.submits]}


def _kept(name: bytes, value: bytes) -> tuple[str, str]:
    text = name.decode("latin-1")
    return text, "[redacted]" if text.lower() in CREDENTIALS else value.decode("latin-1")
