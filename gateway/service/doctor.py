"""The doctor: looks at one gateway and its store, and says in sentences what it found and what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.core.diagnosis import Diagnosis, Figures, StoreFigures, ailments, state
from gateway.core.hold_advice import Doubt
from gateway.core.remains import Damage
from gateway.ports import Clock, ClosedPrices, StoreUnavailable, StoreVitals
from gateway.service.guard import Guard
from gateway.service.outbox import Outbox
from gateway.service.policy_desk import PolicyDesk

# Of holds in doubt as many as somebody reads; the command line lists all.
_SHOWN: Final = 3


class Filled(Protocol):
    """A spool, as far as a doctor is concerned."""

    @property
    def fill(self) -> float:
        """How much of its room is taken by what the store has not acknowledged: at 1 there is none left."""
        ...


class Exporting(Protocol):
    """The export to the SQL ledger, as far as a doctor is concerned."""

    @property
    def trouble(self) -> str | None:
        """Why nothing is exported, in a sentence."""
        ...


class DoubtfulHolds(Protocol):
    """The desk where holds are decided, as far as a doctor is concerned."""

    async def doubts(self, limit: int) -> tuple[Doubt, ...]:
        """The oldest holds in doubt, with their candidates. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Doctor:
    """The use case and what it works with. `damage` is what a start could not read of the spool."""

    guard: Guard
    vitals: StoreVitals
    desk: PolicyDesk
    outbox: Outbox
    spool: Filled
    damage: tuple[Damage, ...]
    clock: Clock
    closed_prices: ClosedPrices
    export: Exporting | None = None
    holds: DoubtfulHolds | None = None

    async def examine(self) -> Diagnosis:
        """Look now. A store that does not answer is a finding like any other."""
        report = await self.guard.look()
        figures = await self._figures(self.clock.now())
        return Diagnosis((*report.findings, *ailments(figures)), tuple(state(figures)), figures)

    async def _figures(self, now: datetime) -> Figures:
        kept_out, current = self.desk.kept_out, self.desk.current
        return Figures(
            store=await self._store(now),
            unacknowledged=len(self.outbox),
            spool_fill=self.spool.fill,
            damage=self.damage,
            policy=current.version if current else None,
            kept_out=kept_out.version if kept_out else None,
            mistakes=len(kept_out.complaints) if kept_out else 0,
            export=self.export.trouble if self.export else None,
            doubts=await self._doubts(),
            closed=await self._closed(),
        )

    async def _doubts(self) -> tuple[Doubt, ...]:
        try:
            return await self.holds.doubts(_SHOWN) if self.holds else ()
        except StoreUnavailable:
            return ()

    async def _closed(self) -> tuple[str, ...]:
        try:
            prices = await self.closed_prices.all()
        except StoreUnavailable:
            return ()
        return tuple(sorted({price.model for price in prices}))

    async def _store(self, now: datetime) -> StoreFigures | None:
        try:
            vitals = await self.vitals.read(now)
        except StoreUnavailable:
            return None
        return StoreFigures(
            keys=vitals.keys,
            keys_expiring=vitals.keys_expiring,
            holds=vitals.holds,
            oldest_due=timedelta(seconds=vitals.oldest_due_seconds),
            skew=timedelta(seconds=vitals.clock_skew_seconds),
            lag=timedelta(seconds=vitals.ledger_lag_seconds),
            sighting=self.guard.fence.sighting,
        )
