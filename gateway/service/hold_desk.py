"""Where people look at holds and decide those that nothing else decides.

The rule of this file: whoever decides signs with a name and a reason, which stand in the ledger. A hold that may still
be answered is not theirs to decide, and a decision once made is not made again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.core.absence import back_to
from gateway.core.evidence import NEAR, covers
from gateway.core.hold_advice import Doubt
from gateway.core.hold_list import HoldPage, HoldPlace, HoldsWanted
from gateway.core.ledger import Outcome, State, Verb
from gateway.core.money import MicroUsd
from gateway.core.recall import HoldRecord
from gateway.ports import Clock, Ledger, ListedHolds, SettlingTelemetry, Upstream
from gateway.service.settle import Settle
from gateway.service.walk import Walk

_LOG: Final = logging.getLogger("tollhouse.hold_desk")
_AT_ONCE: Final = 100
# A page is short where more holds than these would have to be looked at for it.
_LOOKED_AT: Final = 2000
# How far back somebody at a desk waits for the list to be read.
_PAGES: Final = 50
_PAGE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Account:
    """One upstream account: whom to ask for its list, and who knows which holds are in it."""

    upstream: Upstream
    settle: Settle


@dataclass(frozen=True, slots=True)
class Signature:
    """Who decided, and why."""

    author: str
    reason: str

    @property
    def facts(self) -> Mapping[str, str]:
        return {"author": self.author, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class NoSuchHold:
    id: str


@dataclass(frozen=True, slots=True)
class NotInDoubt:
    """The hold is not anybody's to decide: it is in this state."""

    record: HoldRecord


@dataclass(frozen=True, slots=True)
class JobTaken:
    """The job is another hold's already."""

    job: str
    owner: str


Decided: TypeAlias = HoldRecord | NoSuchHold | NotInDoubt | JobTaken


@dataclass(frozen=True, slots=True)
class HoldDesk:
    """The use case and what it works with. All raise StoreUnavailable."""

    ledger: Ledger
    holds: ListedHolds
    accounts: Sequence[Account]
    telemetry: SettlingTelemetry
    clock: Clock

    async def page(self, wanted: HoldsWanted) -> HoldPage:
        """A page of those that may need somebody. Of other teams' holds so many are passed over, and no more."""
        found: list[HoldRecord] = []
        looked, last = 0, wanted.after
        async for place, record in self._behind(wanted):
            if len(found) == wanted.limit or looked == _LOOKED_AT:
                return HoldPage(tuple(found), last)
            looked, last = looked + 1, place
            if record is not None and record.state is place.state and wanted.takes(record):
                found.append(record)
        return HoldPage(tuple(found), None)

    async def _behind(self, wanted: HoldsWanted) -> AsyncIterator[tuple[HoldPlace, HoldRecord | None]]:
        for state, begin in wanted.ahead:
            after = begin
            while stands := await self.holds.behind(state, after, _AT_ONCE):
                records = await asyncio.gather(*(self.ledger.find(stand.hold) for stand in stands))
                for stand, record in zip(stands, records, strict=True):
                    yield HoldPlace(state, stand), record
                after = stands[-1]

    async def doubts(self, limit: int) -> tuple[Doubt, ...]:
        """Holds in doubt, the oldest first, with the jobs that each may have made."""
        page = await self.page(HoldsWanted(limit, state=State.IN_DOUBT))
        return await self.weighed(page.records)

    async def show(self, hold_id: str) -> Doubt | NoSuchHold:
        record = await self.ledger.find(hold_id)
        if record is None:
            return NoSuchHold(hold_id)
        (doubt,) = await self.weighed((record,))
        return doubt

    async def weighed(self, records: Sequence[HoldRecord]) -> tuple[Doubt, ...]:
        """All of them in their order, those in doubt with the jobs that each may have made."""
        weighed: dict[str, Doubt] = {}
        doubted = [one for one in records if one.state is State.IN_DOUBT]
        for account in self.accounts:
            of_account = [one for one in doubted if one.hold.id not in weighed and account.settle.ours(one.hold)]
            weighed |= {doubt.record.hold.id: doubt for doubt in await self._look(account, of_account)}
        return tuple(weighed.get(one.hold.id, Doubt(one, None)) for one in records)

    async def _look(self, account: Account, records: Sequence[HoldRecord]) -> tuple[Doubt, ...]:
        """Walk the account's list back past all of them, if that is not too far."""
        if not records or not account.settle.exclusive:
            return tuple(Doubt(record, None) for record in records)
        walk, since = Walk(account.upstream, self.clock, _PAGE_S), min(back_to(one.hold) for one in records)
        while walk.calls < _PAGES and not walk.reached(since) and await walk.step():
            pass
        free = await account.settle.unowned(walk, [one.hold for one in records])
        doubts: list[Doubt] = []
        for record in records:
            jobs = [job for job in free if job.model == record.hold.model and covers(record.hold, job.created_at, NEAR)]
            jobs.sort(key=lambda job: (job.created_at, job.job))
            doubts.append(Doubt(record, tuple(jobs) if walk.reached(back_to(record.hold)) else None))
        return tuple(doubts)

    async def capture(self, hold_id: str, job: str, cost: MicroUsd | None, by: Signature) -> Decided:
        """Book the job for the hold, at what was held unless a cost is named. One that was voided is booked as well."""
        record = await self.ledger.find(hold_id)
        if record is None:
            return NoSuchHold(hold_id)
        if record.state not in (State.IN_DOUBT, State.VOIDED):
            return NotInDoubt(record)
        hold = record.hold
        facts = {**by.facts, "matched": "operator"}
        posted = hold.amount if cost is None else cost
        moved = await self.ledger.move(Verb.CAPTURE, hold, self.clock.now(), job=job, cost=posted, facts=facts)
        if moved.outcome is Outcome.JOB_BOUND:
            owner = await self.ledger.owner(job)
            return JobTaken(job, "another one" if owner is None else owner.hold.id)
        return await self._decided(record, moved.outcome in (Outcome.CAPTURED, Outcome.OVERAGE))

    async def void(self, hold_id: str, by: Signature) -> Decided:
        """Release the hold: somebody knows that the upstream never took it."""
        record = await self.ledger.find(hold_id)
        if record is None:
            return NoSuchHold(hold_id)
        if record.state is not State.IN_DOUBT:
            return NotInDoubt(record)
        facts = {**by.facts, "cause": "operator"}
        moved = await self.ledger.move(Verb.VOID, record.hold, self.clock.now(), facts=facts)
        return await self._decided(record, moved.outcome is Outcome.VOIDED)

    async def _decided(self, before: HoldRecord, done: bool) -> Decided:
        after = await self.ledger.find(before.hold.id) or before
        if not done:
            return NotInDoubt(after)
        self.telemetry.settled(after.hold, "operator")
        return after
