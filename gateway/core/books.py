"""Whether the store's accounts are what they must come to: its open holds, and its entries, added up.

The rule of this file: `held` is what the open holds charge and `posted` what the entries say, to the last unit. Where
there is too much of either to read at once, what was read must at least fit in.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.core.account import Balance, Meter
from gateway.core.ledger import Move, State
from gateway.core.retention import KEPT


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold without an end: its state by the index, its state by its own record, its charges by account."""

    id: str
    indexed: State
    state: str
    charges: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The store's books at one instant, or as much of them as was to be read. `balances` is None of a lost account.

    `moves` are those of each entry, behind its time, the oldest first. `all_holds` and `all_entries` tell whether every
    open hold is here, and every entry ever written.
    """

    at: datetime
    holds: tuple[OpenHold, ...]
    all_holds: bool
    moves: tuple[tuple[datetime, tuple[Move, ...]], ...]
    all_entries: bool
    balances: Mapping[str, Balance | None]


def discrepancies(excerpt: Excerpt) -> Iterator[str]:
    """What does not add up, a sentence each."""
    for hold in excerpt.holds:
        if hold.state != hold.indexed:
            yield f"Hold {hold.id} is {hold.state or 'missing'} and listed as {hold.indexed}."
    held = _held(excerpt.holds)
    for account in sorted(held.keys() | (excerpt.balances.keys() if excerpt.all_holds else set())):
        found = _found(excerpt, account).held
        if found < held[account] or (excerpt.all_holds and found != held[account]):
            yield f"Account {account} holds {found}, and its open holds come to {held[account]}."
    if excerpt.all_entries:
        yield from _posted_otherwise(excerpt)


def _posted_otherwise(excerpt: Excerpt) -> Iterator[str]:
    posted: Counter[str] = Counter()
    begun: dict[str, datetime] = {}
    for at, moves in excerpt.moves:
        for move in moves:
            posted[move.account] += move.posted
            begun.setdefault(move.account, at)
    for account in sorted(posted.keys() | excerpt.balances.keys()):
        if excerpt.balances.get(account) is None and _may_be_swept(excerpt.at, begun.get(account)):
            continue
        found = _found(excerpt, account).posted
        if found != posted[account]:
            yield f"Account {account} has posted {found}, and its entries come to {posted[account]}."


def _may_be_swept(now: datetime, begun: datetime | None) -> bool:
    """An account goes so long after the end of its window. Its first entry is older than that, and stays."""
    return begun is not None and now - begun >= KEPT


def _found(excerpt: Excerpt, account: str) -> Balance:
    return excerpt.balances.get(account) or Balance(0, 0)


def _held(holds: tuple[OpenHold, ...]) -> Counter[str]:
    """What open holds charge. A captured one has given back all but its place among the running."""
    held: Counter[str] = Counter()
    for hold in holds:
        for account, amount in hold.charges:
            if hold.indexed is not State.CAPTURED or account.split(":")[-2] == Meter.IN_FLIGHT:
                held[account] += amount
    return held
