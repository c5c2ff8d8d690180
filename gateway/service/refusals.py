"""Keeps what was refused: who asked for what, and what stood in the way, for statements and for trying policies out.

The rule of this file: a refusal is answered first. What is kept of it waits in memory for a moment, and is dropped
before it delays anybody: it is no money, and no promise.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from gateway.core.job import JobRequest, parse
from gateway.core.plan import Rules
from gateway.core.principal import Principal
from gateway.core.refused import Refused, refused
from gateway.ports import Entropy
from gateway.service.policy_desk import PolicyDesk
from gateway.service.submit import Asked, Submitted

_LOG: Final = logging.getLogger("tollhouse.refusals")
_MOST: Final = 10_000
_TOGETHER: Final = 100


class Sink(Protocol):
    """Raises StoreUnavailable."""

    async def add(self, refused: Sequence[Refused]) -> None:
        """Keep these. Asked again, it may keep them twice: their ids tell."""
        ...


class Refusals:
    """A submit that remembers what it refused, and has more `advice` than the refusal itself, where there is some.

    `nearest` is what would pass instead.

    `flush` is one round of a loop for `service/background.py`.
    """

    def __init__(
        self,
        submit: Callable[[Asked], Awaitable[Submitted]],
        advice: Callable[[Submitted], Awaitable[Submitted]],
        nearest: Callable[[Submitted, JobRequest, Principal, Rules], Awaitable[Submitted]],
        desk: PolicyDesk,
        sink: Sink,
        entropy: Entropy,
    ) -> None:
        self._submit = submit
        self._advice = advice
        self._nearest = nearest
        self._desk = desk
        self._sink = sink
        self._entropy = entropy
        self._waiting: deque[Refused] = deque()
        self._dropped = 0

    async def __call__(self, asked: Asked) -> Submitted:
        submitted = await self._submit(asked)
        if not submitted.refused:
            return submitted
        job, rules = parse(asked.body), self._desk.current
        if rules is None or submitted.at is None or not isinstance(job, JobRequest):
            return submitted
        self._note(asked, job, rules, submitted, submitted.at)
        return await self._nearest(await self._advice(submitted), job, asked.principal, rules)

    def _note(self, asked: Asked, job: JobRequest, rules: Rules, submitted: Submitted, at: datetime) -> None:
        refusal_id = f"ref_{self._entropy.token(16).hex()}"
        kept = refused(refusal_id, job, asked.principal, rules, submitted.submission, asked.request_id, at)
        if kept is None:
            return
        if len(self._waiting) >= _MOST:
            self._dropped += 1
        else:
            self._waiting.append(kept)

    async def flush(self) -> None:
        """Hand over what waits. Raises StoreUnavailable; then it waits on."""
        if self._dropped:
            _LOG.warning("%d refused submissions are not kept: there were too many at once", self._dropped)
            self._dropped = 0
        while self._waiting:
            some = list(islice(self._waiting, _TOGETHER))
            await self._sink.add(some)
            for _ in some:
                self._waiting.popleft()
