"""Rounds of looking at the upstream's list of jobs: one walk for all who look for something in it, then a rest.

The rule of this file: one gateway does it, under a lease. The lease saves calls and nothing else: whatever a round
learns is booked by moves that happen once, whoever asks for them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from gateway.core.pace import Pace, Round, rest
from gateway.ports import Clock, Leases, Upstream
from gateway.service.walk import Walk

_LOG: Final = logging.getLogger("tollhouse.rounds")
_LEASE_S: Final = 20.0
# While another has the lease, or nothing is open.
_IDLE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an interest made of a walk: whether it brought news, and the calls it made of its own."""

    news: bool = False
    calls: int = 0
    retry_after: float | None = None


class Interest(Protocol):
    """Something to be learnt from the list. All raise StoreUnavailable."""

    async def begin(self, now: datetime) -> None:
        """Look up what is wanted from this round's walk."""
        ...

    def wants(self, walk: Walk) -> bool:
        """Whether the walk should read another page."""
        ...

    async def learn(self, walk: Walk) -> Learnt:
        """Book what the walk, as far as it went, shows."""
        ...


@dataclass(slots=True)
class Rounds:
    """One round and its rest, for a loop of `service/background.py`.

    `name` is of the upstream account, `holder` of this process; `chance` draws from 0 to 1, `patience` is how many
    seconds a page may take.
    """

    name: str
    holder: str
    upstream: Upstream
    leases: Leases
    clock: Clock
    chance: Callable[[], float]
    interests: Sequence[Interest]
    patience: float
    pace: Pace = field(default_factory=Pace)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _quiet: int = 0
    _troubled: bool = False

    async def __call__(self) -> None:
        """Raises StoreUnavailable."""
        last = await self.round() if await self._mine() else None
        if last is None:
            await self.sleep(_IDLE_S * (0.75 + 0.5 * self.chance()))
            return
        self._quiet = 0 if last.news else self._quiet + 1
        seconds = rest(self.pace, self._quiet, last, self.chance())
        # Nobody else goes on asking while the upstream is left alone.
        await self._mine(seconds)
        await self.sleep(seconds)

    async def _mine(self, during: float = 0.0) -> bool:
        return await self.leases.take(self._lease, self.holder, during + _LEASE_S)

    async def leave(self) -> None:
        """Let another gateway go on at once, once this one does no more rounds. Raises StoreUnavailable."""
        await self.leases.leave(self._lease, self.holder)

    @property
    def _lease(self) -> str:
        return f"rounds:{self.name}"

    async def round(self) -> Round | None:
        """One walk and what it teaches; None where nobody wants to know anything."""
        now, walk = self.clock.now(), Walk(self.upstream, self.clock, self.patience)
        for interest in self.interests:
            await interest.begin(now)
        while any(interest.wants(walk) for interest in self.interests):
            # The others keep away for as long as it takes.
            if not await walk.step() or not await self._mine():
                break
        learnt = [await interest.learn(walk) for interest in self.interests]
        self._tell(walk)
        calls = walk.calls + sum(one.calls for one in learnt)
        if calls == 0:
            self._quiet = 0
            return None
        waits = [wait for wait in (walk.retry_after, *(one.retry_after for one in learnt)) if wait is not None]
        return Round(calls, any(one.news for one in learnt), max(waits, default=None))

    def _tell(self, walk: Walk) -> None:
        """Say once that the list cannot be read, and once that it can again."""
        if (walk.trouble is not None) is self._troubled:
            return
        self._troubled = walk.trouble is not None
        if self._troubled:
            _LOG.error("the upstream's list of jobs cannot be read: %s", walk.trouble)
        else:
            _LOG.info("the upstream's list of jobs can be read again")
