"""The ledger in the store: admission and moves as scripts, balances and holds as reads."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.core.account import Account, Balance
from gateway.core.admission import (
    Admission,
    AdmissionReply,
    Closed,
    Created,
    Exists,
    OverLimit,
    OverRate,
    Skewed,
    Stale,
)
from gateway.core.history import Memory
from gateway.core.hold_record import decode_hold, encode_hold
from gateway.core.ledger import (
    TRANSITIONS,
    Entry,
    Flow,
    Hold,
    Moved,
    Outcome,
    State,
    Step,
    Verb,
    moves,
    steps,
)
from gateway.core.money import MicroUsd
from gateway.ports import HoldRecord, StoreRefused, StoreUnavailable

MAX_SKEW: Final = timedelta(seconds=2)

_HOLD: Final = Script("hold")
_MOVE: Final = Script("move")
# What these come to is in an entry of its own; a contradiction, only when it is heard first.
_ALWAYS_WRITTEN: Final = {step.outcome for row in TRANSITIONS.values() for step in row.values() if step.becomes}
_INDICES: Final = [keys.OPEN[State.HELD], keys.OPEN[State.IN_DOUBT], keys.OPEN[State.CAPTURED], keys.ENDED]


class RedisLedger:
    """Implements `ports.Ledger`. Every call is made on `memory`, what this gateway knows of the store's history: at
    first its epoch alone, unless it is given one that outlived the process.
    """

    def __init__(self, store: Store, epoch: str, max_skew: timedelta = MAX_SKEW) -> None:
        self._store = store
        self._max_skew_us = max_skew // timedelta(microseconds=1)
        self.memory = Memory(epoch)

    async def admit(self, admission: Admission, now: datetime) -> AdmissionReply:
        hold, epoch = admission.hold, self.memory.epoch
        reply = await self._store.run(_HOLD, self._admission_keys(admission), self._admission_arguments(admission, now))
        match reply[0]:
            case b"created":
                self.memory.wrote(epoch, int(reply[1]), hold.id)
                return Created(codec.decode_balances(reply[2:]))
            case b"over_limit":
                self.memory.heard(epoch, int(reply[1]))
                return OverLimit(codec.decode_balances(reply[2:]))
            case b"over_rate":
                return OverRate(admission.rates[int(reply[1])], int(reply[2]))
            case b"exists":
                return Exists(State(reply[1].decode()), reply[2] == b"1")
            case b"stale":
                return Stale()
            case b"skewed":
                return Skewed(int(reply[1]))
            case b"closed":
                return Closed(reply[1].decode())
            case verdict:
                raise StoreUnavailable(f"the hold script answered {verdict!r} for {hold.id}")

    def _admission_keys(self, admission: Admission) -> list[str]:
        hold = admission.hold
        fixed = [keys.STORE, keys.POLICY, keys.key(hold.key), keys.hold(hold.id), keys.OPEN[State.HELD], keys.ENTRIES]
        accounts = [keys.account_of(demand.account) for demand in admission.demands]
        return fixed + accounts + [keys.rate(rate) for rate in admission.rates]

    def _admission_arguments(self, admission: Admission, now: datetime) -> list[Argument]:
        hold = admission.hold
        arguments: list[Argument] = [
            codec.micros(now),
            self._max_skew_us,
            self.memory.epoch,
            self.memory.seen,
            hold.policy,
            hold.key_revision,
            hold.id,
            hold.attempt,
            hold.digest,
            encode_hold(hold),
            codec.encode_charges(hold.charges),
            codec.micros(hold.deadline),
            len(admission.demands),
        ]
        for demand in admission.demands:
            arguments += [demand.amount, demand.ceiling, int(demand.enforced), codec.ends(demand.resets_at)]
        for rate in admission.rates:
            arguments += [rate.interval_us, rate.burst]
        return arguments

    async def move(
        self,
        verb: Verb,
        hold: Hold,
        now: datetime,
        *,
        job: str = "",
        cost: MicroUsd = 0,
        facts: Mapping[str, str] | None = None,
    ) -> Moved:
        learnt, epoch = dict(facts or {}), self.memory.epoch
        if verb is Verb.CAPTURE:
            learnt |= {"job": job, "cost": str(cost)}
        fixed = [keys.STORE, keys.hold(hold.id), keys.job(job), keys.ENTRIES, *_INDICES]
        arguments: list[Argument] = [
            codec.micros(now),
            self.memory.seen,
            hold.id,
            job,
            codec.encode_charges(hold.charges),
            _steps(steps(verb, hold, now)),
            _flows(verb, hold, cost),
            json.dumps(learnt),
            encode_hold(hold),
            hold.attempt,
            hold.digest,
            epoch,
        ]
        accounts = [keys.account(charge.account) for charge in hold.charges]
        reply = await self._store.run(_MOVE, fixed + accounts, arguments)
        if reply[0] == b"closed":
            raise StoreRefused(f"the store moves nothing: {reply[1].decode()}")
        outcome, sequence = Outcome(reply[0].decode()), int(reply[2])
        if outcome in _ALWAYS_WRITTEN:
            self.memory.wrote(epoch, sequence, hold.id)
        else:
            self.memory.heard(epoch, sequence)
        return Moved(outcome, State(reply[1].decode()), codec.decode_balances(reply[3:]))

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        reads = (self._store.command("HMGET", keys.account_of(account), "posted", "held") for account in accounts)
        replies = await asyncio.gather(*reads)
        return tuple(Balance(int(posted or 0), int(held or 0)) for posted, held in replies)

    async def find(self, hold_id: str) -> HoldRecord | None:
        fields = await self._store.command("HMGET", keys.hold(hold_id), "record", "state", "job", "cost")
        record, state, job, cost = fields
        if record is None:
            return None
        return HoldRecord(
            decode_hold(record),
            State(state.decode()),
            job.decode() if job else None,
            int(cost) if cost else None,
        )

    async def entries(self, after: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
        """Entries in order, from the one after sequence `after`."""
        lines = await self._store.command("XRANGE", keys.ENTRIES, f"({after}-0", "+", "COUNT", limit)
        return tuple(_entry(entry_id, fields) for entry_id, fields in lines)


def _steps(row: Mapping[State, Step]) -> str:
    return json.dumps({state: _step(step) for state, step in row.items()})


def _step(step: Step) -> dict[str, object]:
    return {
        "outcome": step.outcome,
        "becomes": step.becomes or "",
        "record": step.outcome is Outcome.ANOMALY,
        "flow": step.flow,
    }


def _flows(verb: Verb, hold: Hold, cost: MicroUsd) -> str:
    """What each flow of the verb does to each account: amounts to add to `posted` and `held`, and its window's end."""
    ends = [str(codec.ends(charge.ends_at)) for charge in hold.charges]
    flows = {step.flow for step in TRANSITIONS[verb].values()} - {Flow.NOTHING}
    shifts = {flow: zip(moves(hold, flow, cost), ends, strict=True) for flow in flows}
    return json.dumps({flow: [(str(m.posted), str(m.held), end) for m, end in pairs] for flow, pairs in shifts.items()})


_ENTRY_FIELDS: Final = {"epoch", "kind", "hold", "at", "moves", "record"}


def _entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    named = {name.decode(): text.decode() for name, text in fields.items()}
    return Entry(
        seq=int(entry_id.split(b"-")[0]),
        kind=named["kind"],
        hold=named["hold"],
        at=codec.instant(int(named["at"])),
        moves=codec.decode_moves(named["moves"]),
        facts={name: text for name, text in named.items() if name not in _ENTRY_FIELDS},
    )
