"""Whether the store's accounts are what they must come to: its open holds, and its entries, added up.

The rule of this file: `held` is what the open holds charge and `posted` what the entries say, to the last unit. Where
there is too much of either to read at once, what was read must at least fit in. An account that was swept has nothing
posted any more, and is the only one of which the entries may say otherwise.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gateway.core.account import Balance, Meter
from gateway.core.ledger import Move, State
from gateway.core.window import WindowKind

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold without an end: its state by the index, its state by its own record, its charges by account."""

    id: str
    indexed: State
    state: str
    charges: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The store's books at one instant, or as much of them as was to be read. `balances` is None of an account that is
    not there, `admitted` when an entry admitted something to an account for the last time; `swept_to` is the latest
    window's end of which accounts were swept.

    `all_holds` and `all_entries` tell whether every open hold is here, and every entry ever written; `posted_of` are
    the accounts of which that is so, where it is not so of all.
    """

    holds: tuple[OpenHold, ...]
    all_holds: bool
    moves: tuple[Move, ...]
    all_entries: bool
    balances: Mapping[str, Balance | None]
    admitted: Mapping[str, datetime] = field(default_factory=dict)
    swept_to: datetime = _NEVER
    posted_of: Set[str] | None = None


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
    if not excerpt.all_entries:
        return
    posted: Counter[str] = Counter()
    for move in excerpt.moves:
        posted[move.account] += move.posted
    for account in sorted(posted.keys() | excerpt.balances.keys()):
        if excerpt.posted_of is not None and account not in excerpt.posted_of:
            continue
        found = _found(excerpt, account).posted
        if found != posted[account] and not _swept(excerpt, account):
            yield f"Account {account} has posted {found}, and its entries come to {posted[account]}."


def _found(excerpt: Excerpt, account: str) -> Balance:
    return excerpt.balances.get(account) or Balance(0, 0)


def _swept(excerpt: Excerpt, account: str) -> bool:
    """Whether an account may be missing because it was swept: its window ends, and may have ended before the mark."""
    ends = account.split(":")[-1] not in {"", WindowKind.TOTAL}
    return excerpt.balances.get(account) is None and ends and excerpt.admitted.get(account, _NEVER) < excerpt.swept_to


def _held(holds: tuple[OpenHold, ...]) -> Counter[str]:
    """What open holds charge. A captured one has given back all but its place among the running."""
    held: Counter[str] = Counter()
    for hold in holds:
        for account, amount in hold.charges:
            if hold.indexed is not State.CAPTURED or account.split(":")[-2] == Meter.IN_FLIGHT:
                held[account] += amount
    return held
