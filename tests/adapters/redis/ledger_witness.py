"""Asks the ledger and its model the same, and compares the answers and then everything that is in the store."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import NEEDED, RedisLedger
from gateway.adapters.redis.watch import RedisWatch
from gateway.core.account import Balance
from gateway.core.admission import Admission, AdmissionReply, Created, Exists, OverLimit, OverRate, Skewed
from gateway.core.ending import JobStatus
from gateway.core.ledger import Entry, Hold, Moved, Outcome, State, Verb
from gateway.ports import HoldRecord, StoreUnavailable
from tests.adapters.redis.ledger_model import LedgerModel
from tests.adapters.redis.proxy import proxy_to
from tests.adapters.redis.snapshot import Snapshot, snapshot
from tests.rigs.storage import Storage

EPOCH: Final = "e1"
PATIENT: Final = timedelta(hours=12)

_LOSS: Final = ("lost_from", "lost_to")
_DAY_MS: Final = 86_400_000
_EACH_ONCE: Final = (
    {"captured", "adopted", "overage"},
    {"voided", "tombstoned"},
    {"finished", "refunded", "finished_late", "refunded_late"},
    {"lost", "finished", "refunded"},
    {"anomaly"},
)

# What a job is taken for whose end nobody described.
_STATUS: Final = {
    "captured": JobStatus.PENDING,
    "lost": JobStatus.PROCESSING,
    "finished": JobStatus.COMPLETED,
    "refunded": JobStatus.FAILED,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Admit:
    """To be asked: an admission, by a gateway that has seen this much. It knows another epoch if one is named."""

    admission: Admission
    now: datetime
    epoch: str | None = None
    seen: int = 0
    skewed: bool = False

    @property
    def hold(self) -> Hold:
        return self.admission.hold

    def of_model(self, model: LedgerModel, epoch: str) -> AdmissionReply:
        known = self.epoch or epoch
        return model.admit(self.admission, self.now, epoch=known, seen=self.seen, skewed=self.skewed)

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
    epoch: str | None = None
    seen: int = 0

    def of_model(self, model: LedgerModel, epoch: str) -> Moved | None:
        known = self.epoch or epoch
        return model.move(self.verb, self.hold, self.now, self.job, self.cost, self.facts, epoch=known, seen=self.seen)

    async def of_store(self, ledger: RedisLedger) -> Moved | None:
        try:
            return await ledger.move(self.verb, self.hold, self.now, job=self.job, cost=self.cost, facts=self.facts)
        except StoreUnavailable:
            return None


class Witness:
    """One life of a store, from empty, with an event loop of its own. `counts` is by kind of answer, and of steps."""

    def __init__(
        self,
        url: str,
        counts: Counter[str],
        model: LedgerModel | None = None,
        patience: timedelta = PATIENT,
        storage: Storage | None = None,
    ) -> None:
        self.counts = counts
        self.model = model or LedgerModel()
        self._url = url
        self._storage = storage
        self.store = connect(url)
        self._loop = asyncio.new_event_loop()
        self._ledger = RedisLedger(self.store, EPOCH, patience)
        self._watch = RedisWatch(self.store.run, timedelta(), timedelta())
        self._read: list[Entry] = []
        self._folded: dict[str, list[int]] = {}
        self._agreed = True
        self._knows_no_script = False
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
        """Ask all of it within one tick of the event loop: the store must take it in this order.

        A store that was restarted sends the first call of each script back: two kinds of calls may then change places.
        """
        if self._knows_no_script and len({type(call) for call in calls}) > 1:
            self.run(self._load(self.store))
        self._agreed = False
        self.counts["steps"] += 1
        epoch = self.model.epoch or EPOCH
        wanted = [self._expect(call, epoch) for call in calls]
        for call, right, answer in zip(calls, wanted, self.run(self._ask(calls, epoch)), strict=True):
            if isinstance(right, Skewed):
                assert isinstance(answer, Skewed)
            else:
                assert answer == right, f"{call} was answered {answer}, not {right}"
        self.run(self._check({call.hold.id for call in calls}))
        self._agreed = True

    def perform_unheard(self, call: Admit | Act) -> None:
        """Ask over a link that loses the answer: the store has done it, and whoever asked cannot know."""
        self._agreed = False
        self.counts["unheard"] += 1
        epoch = self.model.epoch or EPOCH
        call.of_model(self.model, epoch)
        assert self.run(self._ask_in_vain(call, epoch)) is None
        self.run(self._check({call.hold.id}))
        self._agreed = True

    async def _ask_in_vain(self, call: Admit | Act, epoch: str) -> AdmissionReply | Moved | None:
        async with proxy_to(self._url) as (proxy, url):
            deaf = connect(url)
            try:
                # A store that was restarted knows no script: its saying so would be what is lost, and nothing done.
                await self._load(deaf)
                proxy.lose_replies = True
                return await call.of_store(RedisLedger(deaf, call.epoch or epoch, PATIENT))
            except StoreUnavailable:
                return None
            finally:
                await deaf.close()

    def restart(self) -> None:
        """`kill -9` of the store; it comes back on its disk. Whoever asks next finds out by itself."""
        self.counts["restarts"] += 1
        assert self._storage is not None, "this store is not ours to kill"
        self._storage.kill()
        self.run(self._storage.start())
        self.run(self._found_again())
        self._knows_no_script = True
        self.run(self._check(set()))

    async def _found_again(self) -> None:
        """The connection broke with the store; the first call may still be told so."""
        with suppress(StoreUnavailable):
            await self.store.command("PING")

    async def _load(self, store: Store) -> None:
        """Have every script known before it is used."""
        for script in NEEDED:
            await store.command("SCRIPT LOAD", script.text)
        self._knows_no_script = False

    def sweep(self, account: str) -> None:
        """Remove an account as the sweeper does."""
        self.run(self.store.command("DEL", keys.account(account)))
        del self.model.balances[account]
        del self._folded[account]

    def note(self, kind: str, subject: str, now: datetime, facts: Mapping[str, str]) -> None:
        """Have something noted that moves nothing."""
        self._agreed = False
        ledger = self._going_along(self.model.epoch or EPOCH)
        right = self.model.note(kind, subject, now, facts)
        self.counts["noted" if right else "noted again"] += 1
        assert self.run(ledger.note(kind, subject, now, facts)) is right
        self.run(self._check(set()))
        self._agreed = True

    def thaw(self, now: datetime) -> None:
        """Open admission again, as the gateway does that finds it can."""
        frozen = self.model.epoch or ""
        self.model.thaw(now)
        self.counts["thawed"] += 1
        assert self.run(self._watch.thaw(frozen, self.model.epoch or "", now)) == self.model.seq
        self.run(self._check(set()))

    def _expect(self, call: Admit | Act, epoch: str) -> AdmissionReply | Moved | None:
        before = len(self.model.entries)
        right = call.of_model(self.model, epoch)
        self.counts[_kind(right, wrote=len(self.model.entries) > before)] += 1
        if isinstance(right, Created) and isinstance(call, Admit) and len(self.model.entries) > before:
            _assert_within_ceilings(call.admission, right.balances)
        return right

    async def _ask(self, calls: tuple[Admit | Act, ...], epoch: str) -> list[AdmissionReply | Moved | None]:
        return await asyncio.gather(*(call.of_store(self._ledger_for(call, epoch)) for call in calls))

    def _ledger_for(self, call: Admit | Act, epoch: str) -> RedisLedger:
        """The ledger of a gateway that goes along with every epoch, or of one that is to know something else."""
        if call.epoch is None and call.seen == 0:
            return self._going_along(epoch)
        other = RedisLedger(self.store, call.epoch or epoch, PATIENT)
        other.memory.seen = call.seen
        return other

    def _going_along(self, epoch: str) -> RedisLedger:
        if self._ledger.memory.epoch != epoch:
            self._ledger.memory.take_up(epoch, 0)
        return self._ledger

    async def _check(self, hold_ids: set[str]) -> None:
        found, new, seen = await asyncio.gather(
            asyncio.gather(*(self._ledger.find(hold_id) for hold_id in sorted(hold_ids))),
            self._entries_after(self._read[-1].seq if self._read else 0),
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
        assert seen.length == len(model.entries)
        assert int(seen.store.get("seq", 0)) == model.seq
        assert seen.store.get("epoch") == model.epoch
        assert ("frozen" in seen.store) == (model.lost is not None)
        assert (model.lost or ()) == tuple(int(seen.store[name]) for name in _LOSS if name in seen.store)
        self._compare_memory()
        assert seen.others == _others(model)
        self._compare_lifetimes(seen)

    def _compare_memory(self) -> None:
        """Whoever goes along has never seen more than there is, and the entry it remembers is there."""
        memory, written = self._ledger.memory, {entry.seq: entry.hold for entry in self.model.entries}
        assert memory.seen <= self.model.seq
        if memory.witness is not None and memory.epoch == self.model.epoch:
            assert written[memory.witness.sequence] == memory.witness.entry

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
    if kept is None:
        return None
    return HoldRecord(
        kept.hold,
        State(kept.state),
        kept.job,
        kept.cost,
        status=_STATUS.get(kept.state),
        refunded=kept.refunded,
        refund_named=kept.named,
        contradicted=kept.contradicted,
    )


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
    return {key: members for key, members in every.items() if members} | model.jobs_of_teams()


def _others(model: LedgerModel) -> set[str]:
    names = model.memory.names() | ({keys.NOTED} if model.notes else set())
    if model.policy is None:
        return names
    versions = {keys.policy(f"p{n}") for n in range(1, int(model.policy[1:]) + 1)}
    return names | {keys.POLICY, keys.POLICY_HISTORY} | versions | {keys.key(key) for key in model.revisions}
