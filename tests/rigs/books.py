"""The store's books, read beside the program, and what must be true of them whatever died."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.adapters.redis import codec, keys
from gateway.core.hold_record import decode_hold
from gateway.core.ledger import Hold, Move
from tests.rigs.storage import Storage

_READ: Final = """
local read = {hash = {'HGETALL'}, string = {'GET'}, stream = {'XRANGE', '-', '+'}}
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local command = read[redis.call('TYPE', key).ok]
  if command then all[#all + 1] = {key, redis.call(command[1], key, unpack(command, 2))} end
end
return all
"""

ENDS: Final = ("captured", "adopted", "overage", "voided", "tombstoned", "finished", "refunded")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, as it stands in the stream."""

    seq: int
    kind: str
    hold: str
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class HeldFor:
    """One hold: what it was for, where it is in its life, and the job it was captured for."""

    hold: Hold
    state: str
    job: str | None
    cost: int | None


@dataclass(slots=True)
class Books:
    """Balances (posted, held) by account, holds by id, entries in order."""

    balances: dict[str, tuple[int, int]] = field(default_factory=dict)
    holds: dict[str, HeldFor] = field(default_factory=dict)
    entries: list[Line] = field(default_factory=list)
    frozen: bool = False

    @property
    def states(self) -> Counter[str]:
        return Counter(one.state for one in self.holds.values())

    @property
    def by_request(self) -> dict[str, str]:
        """The hold that each request made."""
        return {one.hold.request_id: hold_id for hold_id, one in self.holds.items()}

    @property
    def by_job(self) -> dict[str, str]:
        """The hold that each job was captured for."""
        return {one.job: hold_id for hold_id, one in self.holds.items() if one.job}

    def total(self, limit: str) -> tuple[int, int]:
        """Posted and held of the one account, or of all accounts, of a limit."""
        named = [balance for account, balance in self.balances.items() if account.split(":")[-3] == limit]
        return sum(posted for posted, _ in named), sum(held for _, held in named)

    def lines(self, hold_id: str) -> list[Line]:
        return [line for line in self.entries if line.hold == hold_id]


async def read_books(store: Storage) -> Books:
    """Everything at one instant. It is made sense of beside the event loop, on which the gateways' wires may hang."""
    return await asyncio.to_thread(_books, await store.ask("EVAL", _READ, 0))


def _books(found: list[tuple[bytes, list[Any]]]) -> Books:
    books = Books()
    for name, content in found:
        key = name.decode()
        if key == keys.ENTRIES:
            books.entries = [_line(*entry) for entry in content]
        elif key == keys.STORE:
            books.frozen = "frozen" in _pairs(content)
        elif key.startswith(keys.account("")):
            balance = _pairs(content)
            books.balances[key.removeprefix(keys.account(""))] = (
                int(balance.get("posted", 0)),
                int(balance.get("held", 0)),
            )
        elif key.startswith(keys.hold("")):
            books.holds[key.removeprefix(keys.hold(""))] = _held_for(_pairs(content))
    return books


async def sequence(store: Storage) -> int:
    """The number of the newest entry."""
    return int(await store.ask("HGET", keys.STORE, "seq") or 0)


def _line(entry_id: bytes, content: list[bytes]) -> Line:
    fields = _pairs(content)
    moves = codec.decode_moves(fields.get("moves", ""))
    return Line(int(entry_id.split(b"-")[0]), fields["kind"], fields.get("hold", ""), moves)


def _held_for(fields: Mapping[str, str]) -> HeldFor:
    cost = fields.get("cost")
    hold = decode_hold(fields["record"].encode())
    return HeldFor(hold, fields["state"], fields.get("job") or None, None if cost is None else int(cost))


def _pairs(content: list[bytes]) -> dict[str, str]:
    texts = [part.decode() for part in content]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def out_of_balance(books: Books) -> list[str]:
    """Accounts that are not the sum of their entries, and gaps in the numbers of these.

    Only where history was lost, and admission went on after that, is there a gap: before an entry that says so.
    """
    summed: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for line in books.entries:
        for move in line.moves:
            posted, held = summed[move.account]
            summed[move.account] = (posted + move.posted, held + move.held)
    accounts = set(summed) | set(books.balances)
    wrong = [
        f"{account}: {books.balances.get(account, (0, 0))} stands there, its entries say {summed[account]}"
        for account in sorted(accounts)
        if books.balances.get(account, (0, 0)) != summed[account]
    ]
    follows = 1
    for line in books.entries:
        if line.seq != follows and not (line.kind == "resume" and line.seq > follows):
            wrong.append(f"entry {line.seq} stands where {follows} should")
        follows = line.seq + 1
    return wrong


def overspent(books: Books, ceilings: Mapping[str, int]) -> list[str]:
    """Every hold that was admitted although a limit (by its name) had no room for it at that moment."""
    wrong: list[str] = []
    stands: dict[str, int] = defaultdict(int)
    for line in books.entries:
        for move in line.moves:
            stands[move.account] += move.posted + move.held
            ceiling = ceilings.get(move.account.split(":")[-3])
            if line.kind == "hold" and ceiling is not None and stands[move.account] > ceiling:
                wrong.append(f"entry {line.seq} took {move.account} to {stands[move.account]} of {ceiling}")
    return wrong


def ended_twice(books: Books) -> list[str]:
    """Holds that were captured, voided or refunded more than once."""
    ends = Counter((line.hold, line.kind) for line in books.entries if line.kind in ENDS)
    return [f"{hold} was {kind} {times} times" for (hold, kind), times in ends.items() if times > 1]


def jobs_bound_twice(books: Books) -> list[str]:
    """Jobs that more than one hold was captured for."""
    owners: Counter[Any] = Counter(one.job for one in books.holds.values() if one.job)
    return [f"{times} holds own {job}" for job, times in owners.items() if times > 1]
