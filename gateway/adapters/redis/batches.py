"""Calls that are alike and come in one tick of the event loop are made as one, and its answer is handed out.

The rule of this file: a batch is sent as soon as the tick that began it ends, so nobody waits for company; and what
becomes of one hold in it is its own, as if it had been asked about alone.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from traceback import format_tb
from typing import Any, Final, Generic, TypeAlias, TypeVar

from gateway.adapters.redis.calls import Own, Terms
from gateway.adapters.redis.connection import Script, Store
from gateway.adapters.redis.words import pack
from gateway.core.history import Memory
from gateway.ports import StoreUnavailable

_LOG: Final = logging.getLogger("tollhouse.store")

# So many at most: with more, the store would wait for the gateway, and then the gateway for the store.
MOST: Final = 16

Answer = TypeVar("Answer")
# Reads the reply to what was asked under an epoch: what became of each hold, or why nobody knows.
Read: TypeAlias = Callable[[Memory, Terms, Sequence[Own], str, list[Any]], Sequence[Answer | Exception]]


@dataclass(frozen=True, slots=True)
class Kind(Generic[Answer]):
    """Which script is asked, and how its reply is read."""

    script: Script
    read: Read[Answer]


class Batches:
    """What was asked in this tick, by kind and terms."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[object, _Batch[Any]] = {}
        self._asked: set[str] = set()

    def ask(self, kind: Kind[Answer], memory: Memory, terms: Terms, own: Own) -> asyncio.Future[Answer]:
        """What becomes of one hold, asked on `memory` as it is when the call is made. Raises StoreUnavailable."""
        if not self._open:
            self._store.loop.call_soon(self._send)
        elif own.hold in self._asked:
            # What is asked about one hold happens in that order.
            self._send_open()
        self._asked.add(own.hold)
        alike = terms if terms.together else object()
        batch = self._open.get(alike)
        if batch is None:
            batch = self._open[alike] = _Batch(kind, memory, terms)
        answer: asyncio.Future[Answer] = self._store.loop.create_future()
        batch.own.append(own)
        batch.answers.append(answer)
        if len(batch.own) == MOST:
            self._open.pop(alike).send(self._store)
            self._store.write()
        return answer

    def _send(self) -> None:
        self._send_open()
        self._store.write()

    def _send_open(self) -> None:
        for batch in self._open.values():
            batch.send(self._store)
        self._open.clear()
        self._asked.clear()


class _Batch(Generic[Answer]):
    """Some holds that one call asks about, and who waits for what becomes of each."""

    def __init__(self, kind: Kind[Answer], memory: Memory, terms: Terms) -> None:
        self._kind = kind
        self._memory = memory
        self._terms = terms
        self._epoch = ""
        self.own: list[Own] = []
        self.answers: list[asyncio.Future[Answer]] = []

    def send(self, store: Store) -> None:
        memory = self._memory
        self._epoch = memory.epoch
        names, arguments = [own.keys for own in self.own], [own.arguments for own in self.own]
        shared, fence = self._terms, pack(memory.epoch, memory.seen)
        count = shared.keys.number + sum(own.number for own in names)
        store.start(self._kind.script, self, count, shared.keys, *names, shared.arguments, fence, *arguments)

    def done(self) -> bool:
        return all(answer.done() for answer in self.answers)

    def set_result(self, reply: list[Any], /) -> None:
        try:
            came_to = self._kind.read(self._memory, self._terms, self.own, self._epoch, reply)
            pairs = list(zip(self.answers, came_to, strict=True))
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the reply, nobody may wait for ever)
            # Who cannot read the answer has none: the hold may stand all the same, and the move be made.
            cause = type(error).__name__
            _LOG.error("what the store said cannot be read: %s\n%s", cause, "".join(format_tb(error.__traceback__)))
            self.set_exception(StoreUnavailable(f"what the store said cannot be read: {cause}"))
            return
        for answer, one in pairs:
            if answer.done():
                continue
            if isinstance(one, Exception):
                answer.set_exception(one)
            else:
                answer.set_result(one)

    def set_exception(self, error: BaseException, /) -> None:
        for answer in self.answers:
            if not answer.done():
                answer.set_exception(error)
