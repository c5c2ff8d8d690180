"""The guard: whether the store may decide about money now, looked at every second.

The rule of this file: every submit asks the guard before it holds anything, and the guard is closed until a look has
found the store sound. A store that does not answer refuses holds by itself; the guard closes for it when it has not
been seen sound for a few seconds, so that one late answer closes nothing.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.core.books import Excerpt, discrepancies
from gateway.core.finding import Finding, names
from gateway.core.history_findings import history_failings
from gateway.core.store_condition import Allowance, Check, Condition, failings, silence
from gateway.ports import Clock, StoreUnavailable, StoreVitals
from gateway.service.fence import Fence, Watch

_LOG: Final = logging.getLogger("tollhouse.guard")
_LONGEST_LOOK_S: Final = 3.0
_TRUSTED_S: Final = 10.0
_AUDIT_AGAIN_S: Final = 10.0
_SAMPLE: Final = 10_000
_TOLD: Final = 3


class Books(Protocol):
    """The store's accounts beside what they must come to. Raises StoreUnavailable."""

    async def read(self, limit: int) -> Excerpt:
        """At most `limit` open holds and, where there are no more, all entries, with their accounts: at one instant."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What one look found, and what it looked at: of what depends on something that is wrong, nothing is known."""

    findings: tuple[Finding, ...]
    looked_at: tuple[Check, ...]


class Guard:
    """Implements `ports.Gate`. `allowed` is what the operator puts up with."""

    def __init__(
        self,
        vitals: StoreVitals,
        watch: Watch,
        books: Books,
        fence: Fence,
        clock: Clock,
        allowed: Collection[Allowance],
    ) -> None:
        self.fence = fence
        self._vitals = vitals
        self._watch = watch
        self._books = books
        self._clock = clock
        self._allowed = allowed
        self._found: tuple[Finding, ...] | None = None
        self._found_at = 0.0
        self._logged: frozenset[str] = frozenset()
        self._audit = _Audit()

    @property
    def closed(self) -> str | None:
        if self._found:
            return self._found[0].sentence
        return self._unseen()

    @property
    def doubted(self) -> str | None:
        sentences = (finding.sentence for finding in self._found or () if finding.check not in _REMEMBERS)
        return next(sentences, None) or self._unseen()

    def _unseen(self) -> str | None:
        if self._found is None:
            return "the store has not been looked at yet"
        if (age := self._clock.monotonic() - self._found_at) > _TRUSTED_S:
            return f"the store has not been seen sound for {age:.0f} s"
        return None

    async def tend(self) -> None:
        """One round: look, tell the store that we live, and open admission again where that is our turn."""
        await self.look()
        try:
            if await self.fence.thaw(self._watch):
                await self.look()
        except StoreUnavailable:
            _LOG.info("the store did not say whether admission is open again")
        await self.fence.keep()

    async def look(self) -> Report:
        """Look now. What is found decides about submits; no answer decides nothing, see above."""
        try:
            async with asyncio.timeout(_LONGEST_LOOK_S):
                report = await self._look()
        except (StoreUnavailable, TimeoutError) as error:
            report = _unreachable(str(error) or "no answer in time")
        else:
            self._found, self._found_at = report.findings, self._clock.monotonic()
        self._log(report.findings)
        return report

    async def _look(self) -> Report:
        condition = await self._vitals.condition(self._clock.now())
        findings = tuple(failings(condition, self._allowed))
        if Check.PRIMARY in names(findings):
            # What a replica knows may be old, and proves nothing.
            return Report(findings, _OF_CONDITION)
        seen = await self.fence.look(self._watch)
        findings += tuple(history_failings(seen, self.fence.organization))
        if unknown := names(findings) & {Check.EPOCH, Check.ORGANIZATION}:
            return Report(findings, (*_OF_CONDITION, *map(Check, unknown)))
        findings += await self._beat_and_audit(condition, sound=not findings)
        return Report(findings, tuple(Check))

    async def _beat_and_audit(self, condition: Condition, *, sound: bool) -> tuple[Finding, ...]:
        try:
            await self.fence.beat(self._watch)
        except StoreUnavailable:
            # A store whose disk or memory is full takes no writes; that is found already.
            if sound:
                raise
        now = self._clock.monotonic()
        if self._audit.is_due(condition.run, now):
            found = tuple(discrepancies(await self._books.read(_SAMPLE)))
            self._audit = _Audit(condition.run, now, found)
        return tuple(_books(self._audit.found))

    def _log(self, findings: tuple[Finding, ...]) -> None:
        """Say what is wrong when that changes, and not at every look."""
        failed = names(findings)
        if failed == self._logged:
            return
        for finding in findings:
            if finding.check not in self._logged:
                _LOG.error("no holds are made: %s %s", finding.sentence, finding.step)
        if not failed:
            _LOG.warning("the store is sound; holds are made")
        self._logged = failed


@dataclass(frozen=True, slots=True)
class _Audit:
    """The last comparison of the books: in which run of the store, when (monotonic), and what did not add up."""

    run: str | None = None
    at: float = 0.0
    found: tuple[str, ...] = ()

    def is_due(self, run: str, now: float) -> bool:
        """Once for each run of the store; again after a while, as long as the books are wrong."""
        return run != self.run or (bool(self.found) and now - self.at >= _AUDIT_AGAIN_S)


# What keeps holds from being made, and takes nothing from what the store knows.
_REMEMBERS: Final = frozenset({Check.VERSION, Check.DURABLE, Check.ROOM, Check.SCRIPTS, Check.CLOCK, Check.EXPORTED})

_OF_CONDITION: Final = (
    *(Check.STORE, Check.PRIMARY, Check.VERSION, Check.DURABLE, Check.KEEPS, Check.ROOM, Check.SCRIPTS, Check.CLOCK),
)


def _unreachable(reason: str) -> Report:
    return Report((silence(reason),), (Check.STORE,))


def _books(found: tuple[str, ...]) -> tuple[Finding, ...]:
    if not found:
        return ()
    more = f" And {len(found) - _TOLD} more." if len(found) > _TOLD else ""
    step = "Something else wrote into this store, or lost part of it. Restore a copy, or correct what is wrong by hand."
    return (Finding(Check.BOOKS, f"The store's books do not add up. {' '.join(found[:_TOLD])}{more}", step),)
