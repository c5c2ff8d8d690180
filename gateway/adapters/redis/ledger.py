"""The ledger in the store: admission and moves as scripts, balances and holds as reads."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.batches import Batches, Kind
from gateway.adapters.redis.calls import admission_call, move_call
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.adapters.redis.records import FIELDS, read_record
from gateway.adapters.redis.replies import read_admissions, read_moves
from gateway.core.acceptance import Witness
from gateway.core.account import Account, Balance
from gateway.core.admission import Admission, AdmissionReply, Exists
from gateway.core.history import Memory
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Entry, Hold, Moved, Verb
from gateway.core.money import MicroUsd
from gateway.core.recall import HoldRecord
from gateway.core.reply import Reply
from gateway.core.retention import KEPT
from gateway.ports import StoreRefused

MAX_SKEW: Final = timedelta(seconds=2)
_AT_ONCE: Final = 500

_HOLD: Final = Script("hold", "rows", "history", "memory", "swept", "account")
_MOVE: Final = Script("move", "rows", "history", "swept", "account", "shifts", "memory", "overage")
_OWNER: Final = Script("owner")
_NOTE: Final = Script("note", "history")

# Without these nothing can be admitted, nor come home.
NEEDED: Final = (_HOLD, _MOVE)

_ADMISSION: Final[Kind[AdmissionReply]] = Kind(_HOLD, read_admissions)
_MOVING: Final[Kind[Moved]] = Kind(_MOVE, read_moves)
_NOTHING_LEARNT: Final[Mapping[str, str]] = MappingProxyType({})


class RedisLedger:
    """Implements `ports.Ledger`. Every call is made on `memory`, what this gateway knows of the store's history: at
    first its epoch alone, unless it is given one that outlived the process.
    """

    def __init__(self, store: Store, epoch: str, max_skew: timedelta = MAX_SKEW) -> None:
        self._store = store
        self._max_skew_us = max_skew // timedelta(microseconds=1)
        self.memory = Memory(epoch)
        self._batches = Batches(store)

    @property
    def witness(self) -> Witness | None:
        return self.memory.witness

    async def admit(self, admission: Admission, now: datetime) -> AdmissionReply:
        terms, own = admission_call(admission, now, self._max_skew_us)
        return await self._batches.ask(_ADMISSION, self.memory, terms, own)

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
        terms, own = move_call(verb, hold, now, job, cost, facts or _NOTHING_LEARNT, reply)
        return await self._batches.ask(_MOVING, self.memory, terms, own)

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        found: list[Balance] = []
        # In pieces, so that requests that come meanwhile need not wait behind all of them.
        for start in range(0, len(accounts), _AT_ONCE):
            piece = accounts[start : start + _AT_ONCE]
            reads = (self._store.command("HMGET", keys.account_of(account), "posted", "held") for account in piece)
            found += [Balance(int(posted or 0), int(held or 0)) for posted, held in await asyncio.gather(*reads)]
        return tuple(found)

    async def find(self, hold_id: str) -> HoldRecord | None:
        return read_record(await self._store.command("HMGET", keys.hold(hold_id), *FIELDS))

    async def owner(self, job: str) -> HoldRecord | None:
        fields = await self._store.run(_OWNER, [keys.job(job)], [keys.hold(""), *FIELDS])
        return read_record(fields) if fields else None

    async def bound(self, asked: Idempotency) -> Exists | None:
        bound = await self._store.command("GET", keys.idempotency(asked.key))
        if bound is None:
            return None
        hold_id, body = bound.decode().split()
        return Exists(hold_id, body == asked.body)

    async def note(self, kind: str, subject: str, now: datetime, facts: Mapping[str, str]) -> bool:
        memory, epoch = self.memory, self.memory.epoch
        names, about = [keys.STORE, keys.ENTRIES, keys.NOTED], [word for fact in facts.items() for word in fact]
        told: list[Argument] = [epoch, memory.seen, codec.micros(now), codec.duration(KEPT), kind, subject, *about]
        came_to, said = await self._store.run(_NOTE, names, told)
        if came_to == b"closed":
            raise StoreRefused(f"the store notes nothing: {said.decode()}")
        if came_to == b"noted":
            memory.wrote(epoch, int(said), subject)
        return bool(came_to == b"noted")

    async def entries(self, after: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
        """Entries in order, from the one after sequence `after`."""
        lines = await self._store.command("XRANGE", keys.ENTRIES, f"({after}-0", "+", "COUNT", limit)
        return tuple(_entry(entry_id, fields) for entry_id, fields in lines)


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
