"""Entries and refused submissions in the order in which they happened.

The rule of this file: the store's own order is the truth, and clocks are asked only where it says nothing. Entries come
by their numbers; what the store refused comes after the entry that it names; what was refused without the store, or
before anybody wrote down after which entry, comes by its time.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final

# How far the times of neighbours are apart, at most: a submit has a deadline of seconds.
_NEAR_US: Final = 120_000_000


def in_order(entries: Iterable[Any], refused: Iterable[Any]) -> Iterator[Any]:
    """`entries` by `seq`, and `refused`, which are by `at`, where they belong."""
    waiting = _Waiting(iter(refused))
    for entry in entries:
        if waiting.any(entry.at):
            yield from waiting.before(entry.seq, entry.at)
        yield entry
    yield from waiting.rest()


class _Waiting:
    """Those of the refused that may come soon."""

    def __init__(self, refused: Iterator[Any]) -> None:
        self._refused = refused
        self._next = next(refused, None)
        self._placed: list[tuple[int, int, str, Any]] = []
        self._timed: deque[Any] = deque()

    def any(self, at: int) -> bool:
        """Whether there are some that may come before an entry of this time."""
        return bool(self._placed or self._timed) or (self._next is not None and self._next.at < at + _NEAR_US)

    def before(self, seq: int, at: int) -> Iterator[Any]:
        """Those that came before the entry of this number and time."""
        while self._next is not None and self._next.at < at + _NEAR_US:
            self._take(self._next)
        while self._timed and self._timed[0].at < at:
            yield self._timed.popleft()
        while self._placed and self._placed[0][0] < seq:
            yield heappop(self._placed)[-1]

    def rest(self) -> Iterator[Any]:
        """All that are left."""
        while self._placed:
            yield heappop(self._placed)[-1]
        yield from self._timed
        while self._next is not None:
            yield self._next
            self._next = next(self._refused, None)

    def _take(self, one: Any) -> None:
        if one.after is None:
            self._timed.append(one)
        else:
            heappush(self._placed, (one.after, one.at, one.id, one))
        self._next = next(self._refused, None)
