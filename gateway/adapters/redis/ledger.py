"""The ledger in the store: admission and moves as scripts, balances and holds as reads."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.calls import admission_call, move_call
from gateway.adapters.redis.connection import Script, Store
from gateway.core.acceptance import Witness
from gateway.core.account import Account, Balance
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
from gateway.core.history import Memory
from gateway.core.hold_record import decode_hold
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import (
    TRANSITIONS,
    Entry,
    Hold,
    Moved,
    Outcome,
    State,
    Verb,
)
from gateway.core.money import MicroUsd
from gateway.core.recall import HoldRecord
from gateway.core.reply import Reply
from gateway.ports import StoreRefused, StoreUnavailable

MAX_SKEW: Final = timedelta(seconds=2)
_AT_ONCE: Final = 500

_HOLD: Final = Script("hold", "history", "memory", "swept", "account")
_MOVE: Final = Script("move", "history", "swept", "account", "memory", "overage")

# Without these nothing can be admitted, nor come home.
NEEDED: Final = (_HOLD, _MOVE)

# What these come to is in an entry of its own; a contradiction, only when it is heard first.
_ALWAYS_WRITTEN: Final = {step.outcome for row in TRANSITIONS.values() for step in row.values() if step.becomes}


class RedisLedger:
    """Implements `ports.Ledger`. Every call is made on `memory`, what this gateway knows of the store's history: at
    first its epoch alone, unless it is given one that outlived the process.
    """

    def __init__(self, store: Store, epoch: str, max_skew: timedelta = MAX_SKEW) -> None:
        self._store = store
        self._max_skew_us = max_skew // timedelta(microseconds=1)
        self.memory = Memory(epoch)

    @property
    def witness(self) -> Witness | None:
        return self.memory.witness

    async def admit(self, admission: Admission, now: datetime) -> AdmissionReply:
        hold, epoch = admission.hold, self.memory.epoch
        names, arguments = admission_call(admission, now, self._max_skew_us, epoch, self.memory.seen)
        reply = await self._store.run(_HOLD, names, arguments)
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
                return Exists(reply[1].decode(), reply[2] == b"1")
            case b"model_closed":
                return ModelClosed()
            case b"stale":
                return Stale()
            case b"skewed":
                return Skewed(int(reply[1]))
            case b"closed":
                return Closed(reply[1].decode())
            case verdict:
                raise StoreUnavailable(f"the hold script answered {verdict!r} for {hold.id}")

    async def move(
        self,
        verb: Verb,
        hold: Hold,
        now: datetime,
        *,
        job: str = "",
        cost: MicroUsd = 0,
        facts: Mapping[str, str] | None = None,
        reply: Reply | None = None,
    ) -> Moved:
        learnt, epoch = {**(facts or {})}, self.memory.epoch
        if verb is Verb.CAPTURE:
            learnt |= {"job": job, "cost": str(cost)}
        names, arguments = move_call(verb, hold, now, epoch, self.memory.seen, job, cost, learnt, reply)
        answer = await self._store.run(_MOVE, names, arguments)
        if answer[0] == b"closed":
            raise StoreRefused(f"the store moves nothing: {answer[1].decode()}")
        outcome, sequence = _OUTCOMES[answer[0]], int(answer[2])
        if outcome in _ALWAYS_WRITTEN:
            self.memory.wrote(epoch, sequence, hold.id)
        else:
            self.memory.heard(epoch, sequence)
        balances = codec.decode_balances(answer[4:])
        return Moved(outcome, _STATES[answer[1]], balances, answer[3] == b"1")

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        found: list[Balance] = []
        # In pieces, so that requests that come meanwhile need not wait behind all of them.
        for start in range(0, len(accounts), _AT_ONCE):
            piece = accounts[start : start + _AT_ONCE]
            reads = (self._store.command("HMGET", keys.account_of(account), "posted", "held") for account in piece)
            found += [Balance(int(posted or 0), int(held or 0)) for posted, held in await asyncio.gather(*reads)]
        return tuple(found)

    async def find(self, hold_id: str) -> HoldRecord | None:
        fields = await self._store.command("HMGET", keys.hold(hold_id), "record", "state", "job", "cost", "reply")
        record, state, job, cost, reply = fields
        if record is None:
            return None
        return HoldRecord(
            decode_hold(record),
            State(state.decode()),
            job.decode() if job else None,
            int(cost) if cost else None,
            codec.decode_reply(reply) if reply else None,
        )

    async def bound(self, asked: Idempotency) -> Exists | None:
        bound = await self._store.command("GET", keys.idempotency(asked.key))
        if bound is None:
            return None
        hold_id, body = bound.decode().split()
        return Exists(hold_id, body == asked.body)

    async def entries(self, after: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
        """Entries in order, from the one after sequence `after`."""
        lines = await self._store.command("XRANGE", keys.ENTRIES, f"({after}-0", "+", "COUNT", limit)
        return tuple(_entry(entry_id, fields) for entry_id, fields in lines)


_OUTCOMES: Final = {outcome.encode(): outcome for outcome in Outcome}
_STATES: Final = {state.encode(): state for state in State}
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
