"""Moves that the store has not acknowledged yet, asked again until it does.

A hold whose move is here is still held, so nothing can be overspent meanwhile. Every move is idempotent by hold and
state, so asking again is safe. What is here is lost with the process: the hold itself stays, due, in the store.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.ledger import Hold, Moved, Outcome, Verb
from gateway.core.money import MicroUsd
from gateway.core.reply import Reply
from gateway.ports import Clock, Ledger, StoreUnavailable

_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Intent:
    """One move to make: see `ports.Ledger.move`."""

    verb: Verb
    hold: Hold
    job: str = ""
    cost: MicroUsd = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    reply: Reply | None = None


def job_bound(hold: Hold) -> Intent:
    """What a capture turns into when the job it names is another hold's already."""
    return Intent(Verb.DOUBT, hold, facts={"cause": "job id bound to another hold"})


class Outbox:
    """Makes moves now if it can, later if it must."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._waiting: deque[Intent] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def move(self, intent: Intent) -> Moved | None:
        """Make the move; None when the store did not say, and it will be asked again."""
        try:
            return await self._ask(intent)
        except StoreUnavailable:
            self.later(intent)
            return None

    def later(self, intent: Intent) -> None:
        """Make the move as soon as the store answers."""
        self._waiting.append(intent)
        self._arrived.set()

    async def run(self) -> None:
        """Work off what waits, until cancelled."""
        while True:
            await self._arrived.wait()
            await self.flush()
            if self._waiting:
                await asyncio.sleep(_RETRY_S)

    async def flush(self) -> None:
        """Ask once for everything that waits, in order; what gets no answer goes on waiting, behind the others."""
        while self._waiting:
            intent = self._waiting[0]
            try:
                moved = await self._ask(intent)
            except StoreUnavailable:
                # One that the store would never take must not keep those behind it waiting for ever.
                self._waiting.rotate(-1)
                return
            self._waiting.popleft()
            if intent.verb is Verb.CAPTURE and moved.outcome is Outcome.JOB_BOUND:
                self.later(job_bound(intent.hold))
        self._arrived.clear()

    async def _ask(self, intent: Intent) -> Moved:
        return await self._ledger.move(
            intent.verb,
            intent.hold,
            self._clock.now(),
            job=intent.job,
            cost=intent.cost,
            facts=intent.facts,
            reply=intent.reply,
        )
