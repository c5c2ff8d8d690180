"""Asks the ledger and its model the same, and compares the answers and then everything that is in the store."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Balance
from gateway.core.admission import Admission, AdmissionReply, Created, Exists, OverLimit, OverRate, Skewed
from gateway.core.ledger import Entry, Hold, Moved, Outcome, State, Verb
from gateway.ports import HoldRecord, StoreUnavailable
from tests.adapters.redis.ledger_model import LedgerModel
from tests.adapters.redis.snapshot import Snapshot, snapshot

EPOCH: Final = "e1"
PATIENT: Final = timedelta(hours=12)

_DAY_MS: Final = 86_400_000
_EACH_ONCE: Final = (
    {"captured", "adopted", "overage"},
    {"voided", "tombstoned"},
    {"finished", "refunded"},
    {"anomaly"},
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Admit:
    """To be asked: an admission, by a gateway that knows this epoch and has seen this much of the ledger."""

    admission: Admission
    now: datetime
    epoch: str = EPOCH
    seen: int = 0
    skewed: bool = False

    @property
    def hold(self) -> Hold:
        return self.admission.hold

    def of_model(self, model: LedgerModel) -> AdmissionReply:
        return model.admit(self.admission, self.now, epoch=self.epoch, seen=self.seen, skewed=self.skewed)

    async def of_store(self, ledger: RedisLedger) -> AdmissionReply:
        return await ledger.admit(self.admission, self.now)


@dataclass(frozen=True, slots=True)
class Act:
    """To be asked: a move. The answer is None where the store refused to say."""

    verb: Verb
    hold: Hold
    now: datetime
    job: str = ""
    cost: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    epoch: str = EPOCH
    seen: int = 0

    def of_model(self, model: LedgerModel) -> Moved | None:
        return model.move(self.verb, self.hold, self.now, self.job, self.cost, self.facts, self.seen)

    async def of_store(self, ledger: RedisLedger) -> Moved | None:
        try:
            return await ledger.move(self.verb, self.hold, self.now, job=self.job, cost=self.cost, facts=self.facts)
        except StoreUnavailable:
            return None


class Witness:
    """One life of a store, from empty, with an event loop of its own. `counts` is by kind of answer, and of steps."""

    def __init__(
        self, url: str, counts: Counter[str], model: LedgerModel | None = None, patience: timedelta = PATIENT
    ) -> None:
        self.counts = counts
        self.model = model or LedgerModel()
        self.store = connect(url)
        self._loop = asyncio.new_event_loop()
        self._ledger = RedisLedger(self.store, EPOCH, patience)
        self._read: list[Entry] = []
        self._folded: dict[str, list[int]] = {}
        self._agreed = True
        self.run(self.store.command("FLUSHALL"))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        try:
            if self._agreed:
                assert self.run(self._entries_after(0)) == self._read, "an entry changed after it was written"
        finally:
            self.run(self.store.close())
            self._loop.close()

    def perform(self, *calls: Admit | Act) -> None:
        """Ask all of it within one tick of the event loop: the store must take it in this order."""
        self._agreed = False
        self.counts["steps"] += 1
        wanted = [self._expect(call) for call in calls]
        for call, right, answer in zip(calls, wanted, self.run(self._ask(calls)), strict=True):
            if isinstance(right, Skewed):
                assert isinstance(answer, Skewed)
            else:
                assert answer == right, f"{call} was answered {answer}, not {right}"
        self.run(self._check({call.hold.id for call in calls}))
        self._agreed = True

    def sweep(self, account: str) -> None:
        """Remove an account as the sweeper does."""
        self.run(self.store.command("DEL", keys.account(account)))
        del self.model.balances[account]
        del self._folded[account]

    def _expect(self, call: Admit | Act) -> AdmissionReply | Moved | None:
        before = len(self.model.entries)
        right = call.of_model(self.model)
        self.counts[_kind(right, wrote=len(self.model.entries) > before)] += 1
        if isinstance(right, Created) and isinstance(call, Admit) and len(self.model.entries) > before:
            _assert_within_ceilings(call.admission, right.balances)
        return right

    async def _ask(self, calls: tuple[Admit | Act, ...]) -> list[AdmissionReply | Moved | None]:
        return await asyncio.gather(*(call.of_store(self._ledger_for(call)) for call in calls))

    def _ledger_for(self, call: Admit | Act) -> RedisLedger:
        if call.epoch == EPOCH and call.seen == 0:
            return self._ledger
        other = RedisLedger(self.store, call.epoch, PATIENT)
        other.seen = call.seen
        return other

    async def _check(self, hold_ids: set[str]) -> None:
        found, new, seen = await asyncio.gather(
            asyncio.gather(*(self._ledger.find(hold_id) for hold_id in sorted(hold_ids))),
            self._entries_after(len(self._read)),
            snapshot(self.store),
        )
        assert found == [_record(self.model, hold_id) for hold_id in sorted(hold_ids)]
        assert [_essence(entry) for entry in new] == [_essence(e) for e in self.model.entries[len(self._read) :]]
        self._read += new
        self._fold(new)
        self._compare(seen)

    async def _entries_after(self, seq: int) -> list[Entry]:
        return list(await self._ledger.entries(after=seq))

    def _fold(self, new: list[Entry]) -> None:
        """Balances as anyone gets them who reads the entries alone, and knows which accounts were swept."""
        for entry in new:
            for move in entry.moves:
                if entry.kind == "hold" or move.posted + move.held > 0:
                    self._folded.setdefault(move.account, [0, 0])
                if (balance := self._folded.get(move.account)) is not None:
                    balance[0] += move.posted
                    balance[1] += move.held

    def _compare(self, seen: Snapshot) -> None:
        model = self.model
        balances = {name: [int(of.get("posted", 0)), int(of.get("held", 0))] for name, of in seen.accounts.items()}
        assert balances == model.balances
        assert balances == self._folded, "the entries do not add up to the balances"
        assert {name: _fields(of) for name, of in seen.holds.items()} == _holds(model)
        assert seen.jobs == model.jobs
        assert seen.indices == _indices(model)
        assert seen.rates == {keys.rate(rate): arrival for rate, arrival in model.arrivals.items()}
        assert seen.length == len(model.entries) == int(seen.store.get("seq", 0))
        assert seen.store.get("epoch") == model.epoch
        assert ("frozen" in seen.store) == model.frozen
        assert seen.others == _others(model)
        self._compare_lifetimes(seen)

    def _compare_lifetimes(self, seen: Snapshot) -> None:
        """Nothing that holds money may vanish: only rates and tombstones do, and these not a moment too soon."""
        tombstones = {keys.hold(name) for name, kept in self.model.holds.items() if kept.tombstone}
        assert seen.lifetimes_ms.keys() == set(seen.rates) | tombstones | self.model.memory.passing()
        assert all(_DAY_MS - 3_600_000 < seen.lifetimes_ms[name] <= _DAY_MS for name in tombstones)


def _essence(entry: Entry) -> Entry:
    """Whether a move of nothing is written down is nobody's business."""
    return replace(entry, moves=tuple(move for move in entry.moves if move.posted or move.held))


def _assert_within_ceilings(admission: Admission, balances: tuple[Balance, ...]) -> None:
    for demand, balance in zip(admission.demands, balances, strict=True):
        assert not demand.enforced or balance.posted + balance.held <= demand.ceiling


def _kind(answer: AdmissionReply | Moved | None, *, wrote: bool) -> str:
    match answer:
        case None:
            return "no answer"
        case Created():
            return "admitted" if wrote else "repeated"
        case Exists() | Moved(outcome=Outcome.ALREADY):
            return "repeated"
        case Moved(closed=True):
            return "closed"
        case OverLimit() | OverRate():
            return "refused"
        case Moved(outcome):
            return str(outcome)
        case _:
            return type(answer).__name__.lower()


def _record(model: LedgerModel, hold_id: str) -> HoldRecord | None:
    kept = model.holds.get(hold_id)
    return None if kept is None else HoldRecord(kept.hold, State(kept.state), kept.job, kept.cost)


def _fields(of: Mapping[str, str]) -> dict[str, str | None]:
    return {name: of.get(name) for name in ("state", "job", "cost", "attempt", "digest")}


def _holds(model: LedgerModel) -> dict[str, dict[str, str | None]]:
    return {
        hold_id: {
            "state": kept.state,
            "job": kept.job,
            "cost": None if kept.cost is None else str(kept.cost),
            "attempt": kept.hold.attempt,
            "digest": kept.hold.digest,
        }
        for hold_id, kept in model.holds.items()
    }


def _indices(model: LedgerModel) -> dict[str, dict[str, int]]:
    every = {key: model.index(state.value) for state, key in keys.OPEN.items()}
    every[keys.ENDED] = model.index("finished", "refunded", "voided")
    return {key: members for key, members in every.items() if members}


def _others(model: LedgerModel) -> set[str]:
    if model.policy is None:
        return model.memory.names()
    versions = {keys.policy(f"p{n}") for n in range(1, int(model.policy[1:]) + 1)}
    return model.memory.names() | {keys.POLICY} | versions | {keys.key(key) for key in model.revisions}
