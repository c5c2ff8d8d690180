"""A line of the ledger: what happened to a hold, and how far it shifted which accounts.

The rule of this file: entries are written once and never changed; what was wrong is corrected by another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Move:
    """How far one transition shifts one account: amounts to add to `posted` and to `held`."""

    account: str
    posted: int
    held: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An immutable line of the ledger. Folding the moves of all entries gives every account's balance.

    `seq` is dense from 1; `kind` an outcome, or `hold`; `at` UTC; `facts` what was learnt (job, cost, reason).
    """

    seq: int
    kind: str
    hold: str
    at: datetime
    moves: tuple[Move, ...]
    facts: Mapping[str, str]
