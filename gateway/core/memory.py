"""A small memory for a pure function whose answers last for a while.

The rule of this file: remembering changes no answer. What is remembered holds for the instants it was said to hold for
and for no other, and there is never more of it than was allowed.
"""

from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Memory(Generic[_Value]):
    """At most `most` answers by question; the oldest make room for new ones."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[Hashable, tuple[datetime, datetime, _Value]] = {}

    def recall(self, question: Hashable, now: datetime) -> _Value | None:
        """The answer to `question`, if it is remembered and holds at `now`."""
        known = self._known.get(question)
        return known[2] if known is not None and known[0] <= now < known[1] else None

    def keep(self, question: Hashable, answer: _Value, since: datetime, until: datetime) -> _Value:
        """Remember an answer for the instants in [`since`, `until`), and return it."""
        if len(self._known) >= self._most and question not in self._known:
            del self._known[next(iter(self._known))]
        self._known[question] = (since, until, answer)
        return answer
