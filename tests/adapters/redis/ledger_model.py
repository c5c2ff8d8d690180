"""The ledger in plain Python, written from the rules alone: what each call must answer, and what it must leave behind.

Shares no arithmetic, no table and no text format with the program; only the values that go in and come out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.core.account import Balance, Meter, RateDemand
from gateway.core.admission import (
    Admission,
    AdmissionReply,
    Closed,
    Created,
    Exists,
    ModelClosed,
    OverLimit,
    OverRate,
    Skewed,
    Stale,
)
from gateway.core.ledger import Entry, Hold, Move, Moved, Outcome, State, Verb
from tests.adapters.redis.memory_model import MemoryModel

ADOPTABLE: Final = timedelta(days=7)

# State -> what capture, void, doubt, finish, refund, adjust, lose and rebind come to.
TABLE: Final = {
    "none": ("adopted", "tombstoned", "missing", "missing", "missing", "missing", "missing", "missing"),
    "held": ("captured", "voided", "doubted", "not_yet", "not_yet", "not_yet", "not_yet", "not_yet"),
    "in_doubt": ("captured", "voided", "already", "not_yet", "not_yet", "not_yet", "not_yet", "not_yet"),
    "captured": ("already", "refused", "already", "finished", "refunded", "not_yet", "lost", "rebound"),
    "lost": ("already", "refused", "already", "finished_late", "refunded_late", "not_yet", "already", "anomaly"),
    "finished": ("already", "refused", "already", "already", "anomaly", "refused", "already", "anomaly"),
    "refunded": ("already", "refused", "already", "anomaly", "already", "adjusted", "already", "anomaly"),
    "voided": ("overage", "already", "refused", "refused", "refused", "refused", "refused", "refused"),
}
VERBS: Final = ("capture", "void", "doubt", "finish", "refund", "adjust", "lose", "rebind")

# Where a hold is after what happened to it; what is missing here leaves it where it was.
BECOMES: Final = {
    "captured": "captured",
    "adopted": "captured",
    "overage": "captured",
    "voided": "voided",
    "tombstoned": "voided",
    "doubted": "in_doubt",
    "finished": "finished",
    "refunded": "refunded",
    "adjusted": "refunded",
    "lost": "lost",
    "rebound": "captured",
    "finished_late": "finished",
    "refunded_late": "refunded",
}


CAPTURES: Final = frozenset({"captured", "adopted", "overage"})
# What becomes of the place in flight; what is missing here leaves it as it was.
IN_FLIGHT: Final = {"adopted": 1, "overage": 1, "voided": -1, "finished": -1, "refunded": -1, "lost": -1}


def micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def price_of(hold: Hold) -> str:
    """What an overage says of: the model's price of one date, that of the sandbox apart."""
    return f"{'test:' if hold.test else ''}{hold.rate_card}:{hold.model}"


@dataclass(slots=True)
class Kept:
    """A hold as the store must have it. `score` is its place in the index of its state.

    `refunded` is what came back, `named` whether the upstream said how much.
    """

    hold: Hold
    state: str
    score: int
    job: str | None = None
    cost: int | None = None
    tombstone: bool = False
    contradicted: bool = False
    refunded: int | None = None
    named: bool = False


@dataclass(slots=True)
class LedgerModel:
    """Everything the store must know. `balances` are [posted, held] by account name.

    `lost` is the first and last sequence that are missing, while admission is frozen because of it.
    """

    epoch: str | None = None
    lost: tuple[int, int] | None = None
    policy: str | None = None
    revisions: dict[str, int] = field(default_factory=dict)
    balances: dict[str, list[int]] = field(default_factory=dict)
    holds: dict[str, Kept] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    arrivals: dict[RateDemand, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    memory: MemoryModel = field(default_factory=MemoryModel)
    notes: set[tuple[str, str]] = field(default_factory=set)

    @property
    def seq(self) -> int:
        return self.entries[-1].seq if self.entries else 0

    def balance(self, account: str) -> Balance:
        return Balance(*self.balances.get(account, (0, 0)))

    def state(self, hold_id: str) -> str:
        return self.holds[hold_id].state if hold_id in self.holds else "none"

    def admit(
        self, admission: Admission, now: datetime, *, epoch: str, seen: int = 0, skewed: bool = False
    ) -> AdmissionReply:
        """The order is the rule's: the store's state, clock, revisions, idempotency, rates, limits."""
        hold = admission.hold
        if (closed := self._closed(epoch, seen)) is not None:
            return closed
        if skewed:
            return Skewed(0)
        if hold.policy != self.policy or hold.key_revision != self.revisions.get(hold.key):
            return Stale()
        if (kept := self.holds.get(hold.id)) is not None:
            if kept.state == "held" and kept.hold.attempt == hold.attempt:
                return Created(self._found(admission))
            return Exists(hold.id, kept.hold.digest == hold.digest)
        if (earlier := self.memory.recall(hold, now)) is not None:
            return Exists(*earlier)
        if price_of(hold) in self.memory.closed:
            return ModelClosed()
        if (over := self._over_rate(admission, now)) is not None:
            return over
        if not self._fits(admission):
            return OverLimit(self._found(admission))
        self._hold(admission, now)
        return Created(self._found(admission))

    def _closed(self, epoch: str, seen: int) -> Closed | None:
        if self.epoch is None:
            return Closed("uninitialised")
        if self.lost:
            return Closed("frozen")
        if epoch != self.epoch:
            return Closed("epoch")
        if seen > self.seq:
            self._freeze(seen)
            return Closed("frozen")
        return None

    def _freeze(self, seen: int) -> None:
        """What is written from now on is of another epoch than what is gone."""
        self.lost = (self.seq + 1, seen)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        lineage, _, number = (self.epoch or "").partition(".")
        self.epoch = f"{lineage}.{int(number or 1) + 1}"

    def thaw(self, now: datetime) -> None:
        """Everybody has told what they know: it goes on above all that anybody has seen."""
        assert self.lost is not None
        first, last = self.lost
        facts = {"lost_from": str(first), "lost_to": str(last)}
        self.entries.append(Entry(max(self.seq, last) + 1, "resume", "", now, (), facts))
        self.lost = None
        self._begin_epoch()

    def _found(self, admission: Admission) -> tuple[Balance, ...]:
        return tuple(self.balance(demand.account.name) for demand in admission.demands)

    def _over_rate(self, admission: Admission, now: datetime) -> OverRate | None:
        for rate in admission.rates:
            early = self._arrival(rate, now) - rate.burst * rate.interval_us - micros(now)
            if early > 0:
                return OverRate(rate, early)
        return None

    def _arrival(self, rate: RateDemand, now: datetime) -> int:
        """When the last of the requests let through would have come, had they come evenly."""
        return max(self.arrivals.get(rate, 0), micros(now)) + rate.interval_us

    def _fits(self, admission: Admission) -> bool:
        """All demands together: two on one account share its room."""
        for demand in admission.demands:
            name = demand.account.name
            asked = sum(other.amount for other in admission.demands if other.account.name == name)
            posted, held = self.balances.get(name, (0, 0))
            if demand.enforced and (demand.ceiling == 0 or posted + held + asked > demand.ceiling):
                return False
        return True

    def _hold(self, admission: Admission, now: datetime) -> None:
        hold = admission.hold
        self.holds[hold.id] = Kept(hold, "held", micros(hold.deadline))
        self.memory.held(hold)
        self.arrivals |= {rate: self._arrival(rate, now) for rate in admission.rates}
        self._enter("hold", hold, now, [Move(charge.account, 0, charge.amount) for charge in hold.charges], {})

    def move(
        self,
        verb: Verb,
        hold: Hold,
        now: datetime,
        job: str,
        cost: int,
        facts: Mapping[str, str],
        *,
        epoch: str,
        seen: int = 0,
    ) -> Moved | None:
        """What a move must come to; None where the store is in no epoch, or in another, and so does nothing."""
        if epoch != self.epoch:
            return None
        if seen > self.seq:
            self._freeze(seen)
        if verb is Verb.REBIND:
            facts = {**facts, "job": job}
        was = self.state(hold.id)
        outcome = self._outcome(verb, was, hold, now, job)
        self._act(outcome, hold, now, job, cost, facts)
        becomes = BECOMES.get(outcome)
        if becomes is not None:
            self.memory.moved(hold, was, becomes, now)
        closed = becomes == "captured" and "overage" in facts and self.memory.overage(price_of(hold), hold.id, now)
        after = tuple(self.balance(charge.account) for charge in hold.charges)
        return Moved(Outcome(outcome), State(was), after, closed)

    def _outcome(self, verb: Verb, was: str, hold: Hold, now: datetime, job: str) -> str:
        outcome = TABLE[was][VERBS.index(verb)]
        if outcome == "adopted" and now - hold.created_at >= ADOPTABLE:
            return "missing"
        if outcome == "rebound" and self.holds[hold.id].job == job:
            return "already"
        if outcome in {"captured", "adopted", "overage", "rebound"} and self.jobs.get(job, hold.id) != hold.id:
            return "job_bound"
        if outcome == "adjusted" and self.holds[hold.id].named:
            return "already"
        return outcome

    def _act(self, outcome: str, hold: Hold, now: datetime, job: str, cost: int, facts: Mapping[str, str]) -> None:
        kept = self.holds.get(hold.id)
        if outcome == "anomaly" and kept is not None and not kept.contradicted:
            kept.contradicted = True
            self._enter(outcome, hold, now, [], facts)
        if outcome not in BECOMES:
            return
        if kept is None:
            kept = self.holds[hold.id] = Kept(hold, "none", 0, tombstone=outcome == "tombstoned")
        learnt, moves = dict(facts), list(_shifts(outcome, kept, cost))
        if outcome in CAPTURES:
            learnt |= {"job": job, "cost": str(cost)}
            self.jobs[job] = hold.id
            kept.job, kept.cost, kept.tombstone = job, cost, False
        if outcome == "rebound":
            if self.jobs.get(facts["was_job"]) == hold.id:
                del self.jobs[facts["was_job"]]
            self.jobs[job] = hold.id
            kept.job, kept.cost = job, int(facts["cost"])
        kept.state, kept.score = BECOMES[outcome], micros(now)
        self._enter(outcome, hold, now, moves, learnt)
        if "refunded" in facts:
            kept.refunded = int(facts["refunded"])
        kept.named = kept.named or outcome == "adjusted" or "named" in facts

    def note(self, kind: str, subject: str, now: datetime, facts: Mapping[str, str]) -> bool:
        """An entry that moves nothing; whether it is new."""
        if (kind, subject) in self.notes:
            return False
        self.notes.add((kind, subject))
        self.entries.append(Entry(self.seq + 1, kind, subject, now, (), dict(facts)))
        return True

    def _enter(self, kind: str, hold: Hold, now: datetime, moves: list[Move], facts: Mapping[str, str]) -> None:
        """Write the line, and move what it says. What returns to an account that was swept is not booked there."""
        self.entries.append(Entry(self.seq + 1, kind, hold.id, now, tuple(moves), dict(facts)))
        for move in moves:
            returns = move.posted < 0 or move.held < 0
            if kind != "hold" and (returns or move == Move(move.account, 0, 0)) and move.account not in self.balances:
                continue
            balance = self.balances.setdefault(move.account, [0, 0])
            balance[0] += move.posted
            balance[1] += move.held

    def index(self, *states: str) -> dict[str, int]:
        """Who must be in the index of these states, and where. A tombstone is in none: it vanishes by itself."""
        return {name: kept.score for name, kept in self.holds.items() if kept.state in states and not kept.tombstone}

    def jobs_of_teams(self) -> dict[str, dict[str, int]]:
        """Every accepted job by the index of its team, at the time of its admission."""
        found: dict[str, dict[str, int]] = {}
        for name, kept in self.holds.items():
            if kept.job is not None:
                team = f"{{toll}}:jobs:{'test:' if kept.hold.test else ''}{kept.hold.team}"
                found.setdefault(team, {})[name] = micros(kept.hold.created_at)
        return found


def _shifts(outcome: str, kept: Kept, cost: int) -> Iterator[Move]:
    for charge in kept.hold.charges:
        match charge.meter:
            case Meter.IN_FLIGHT:
                yield Move(charge.account, 0, IN_FLIGHT.get(outcome, 0) * charge.amount)
            case Meter.USD:
                yield Move(charge.account, _posted(outcome, kept, cost), _freed(outcome, charge.amount))
            case _:
                counted = charge.amount if outcome in CAPTURES else 0
                yield Move(charge.account, counted, _freed(outcome, charge.amount))


def _posted(outcome: str, kept: Kept, cost: int) -> int:
    if outcome in {"refunded", "refunded_late"}:
        return -min(cost, kept.cost or 0)
    if outcome in {"adjusted", "rebound"}:
        return max(cost, (kept.refunded or 0) - (kept.cost or 0))
    return cost if outcome in CAPTURES else 0


def _freed(outcome: str, amount: int) -> int:
    return -amount if outcome in {"captured", "voided"} else 0
