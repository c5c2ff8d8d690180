"""One flush to disk for all who wait for one: a flush costs milliseconds, however much it covers.

Whoever asks while a flush is under way shares the next one: the one under way may have begun before their line.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

# Called in the event loop: takes stock of what to flush, and returns the work for another thread.
Prepare: TypeAlias = Callable[[], Callable[[], None]]


class GroupSync:
    """Await it to have everything flushed that was there before. Raises OSError."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._under_way = False
        self._next: asyncio.Future[None] | None = None

    async def __call__(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        shared = self._next
        if not self._under_way:
            self._begin(shared)
        # Whoever is cancelled leaves the others their flush.
        await asyncio.shield(shared)

    def _begin(self, shared: "asyncio.Future[None]") -> None:
        self._next = None
        try:
            work = self._prepare()
        except OSError as error:
            shared.set_exception(error)
            return
        self._under_way = True
        flushed = asyncio.get_running_loop().run_in_executor(None, work)
        flushed.add_done_callback(partial(self._ended, shared))

    def _ended(self, shared: "asyncio.Future[None]", flushed: "asyncio.Future[None]") -> None:
        self._under_way = False
        error = flushed.exception()
        if error is None:
            shared.set_result(None)
        else:
            shared.set_exception(error)
        if self._next is not None:
            self._begin(self._next)
