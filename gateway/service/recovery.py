"""What a start does about holds that earlier processes of its data directory left, before the doors open.

The rule of this file: an acceptance is captured, a hold that was provably never sent is voided, and whatever else was
under way is in doubt. Each may be done again, so a recovery that was cut short is simply begun anew.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from gateway.core.acceptance import Acceptance
from gateway.core.ledger import Outcome, State, Verb
from gateway.core.recall import HoldRecord
from gateway.core.remains import Damage, Predecessor, Remains
from gateway.ports import Clock, Ledger, OpenHolds, Spool
from gateway.service.intent import Intent, job_bound
from gateway.service.rebind import rebind

_LOG: Final = logging.getLogger("tollhouse.recovery")
_TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start found and did: the answers of the store, counted. `missing` acceptances are for the operator."""

    predecessors: int
    outcomes: Mapping[Outcome, int]
    damage: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class Recovery:
    """The use case and what it works with."""

    ledger: Ledger
    holds: OpenHolds
    spool: Spool
    clock: Clock

    async def __call__(self, remains: Remains, *, history_lost: bool) -> Recovered:
        """Settle what can be settled. Raises StoreUnavailable, SpoolUnavailable.

        In a store that lost history a hold may be held once more that left this state long ago, and its journal line
        may be gone by now: there, nothing is voided.
        """
        done: Counter[Outcome] = Counter()
        await self._make([_capture(one) for one in remains.unsettled], done)
        asked = {one.hold_id for one in remains.unsettled}
        predecessors = {one.boot: one for one in remains.predecessors}
        left = [record async for record in self.holds.of(predecessors.keys()) if record.hold.id not in asked]
        accepted = self._accepted({record.hold.id for record in left})
        steps = (
            _step(record, accepted.get(record.hold.id), predecessors[record.hold.sender], history_lost)
            for record in left
        )
        await self._make([step for step in steps if step is not None], done)
        if predecessors:
            self.spool.recovered()
            _LOG.info("recovered from %d earlier processes: %s", len(predecessors), _told(done))
        return Recovered(len(predecessors), dict(done), remains.damage)

    def _accepted(self, hold_ids: Set[str]) -> Mapping[str, Acceptance]:
        """What the spool has on these holds, noted as captured or not: the store says that they are open."""
        if not hold_ids:
            return {}
        return {one.hold_id: one for one in self.spool.acceptances() if one.hold_id in hold_ids}

    async def _make(self, intents: Sequence[Intent], done: Counter[Outcome]) -> None:
        for start in range(0, len(intents), _TOGETHER):
            await asyncio.gather(*(self._move(intent, done) for intent in intents[start : start + _TOGETHER]))

    async def _move(self, intent: Intent, done: Counter[Outcome]) -> None:
        moved = await self.ledger.move(
            intent.verb, intent.hold, self.clock.now(), job=intent.job, cost=intent.cost, facts=intent.facts
        )
        done[moved.outcome] += 1
        if moved.outcome is Outcome.ALREADY and intent.verb is Verb.CAPTURE:
            await rebind(self.ledger, intent, self.clock)
        if moved.outcome is Outcome.JOB_BOUND:
            await self._move(job_bound(intent.hold), done)


def _told(outcomes: Mapping[Outcome, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "nothing was open"


def _capture(acceptance: Acceptance) -> Intent:
    return Intent(Verb.CAPTURE, acceptance.hold, acceptance.job, acceptance.cost, acceptance.facts)


def _step(
    record: HoldRecord, acceptance: Acceptance | None, predecessor: Predecessor, history_lost: bool
) -> Intent | None:
    """The move to make for an open hold of an earlier process; None where it is in doubt and stays so."""
    hold = record.hold
    if acceptance is not None:
        return _capture(acceptance)
    if record.state is not State.HELD:
        return None
    if predecessor.never_sent(hold.id) and not history_lost:
        return Intent(Verb.VOID, hold, facts={"cause": "never_sent"})
    return Intent(Verb.DOUBT, hold, facts={"cause": "the gateway ended while it was sending"})
