"""How the store's entries become rows of the SQL ledger: which may follow which, and what a gap means.

The rule of this file: the numbers of entries are dense, so an entry follows the one with the number before it, and
nothing else. Only an entry that says what was lost, and when admission went on, may stand after a gap, and only after
one that begins with what it says was lost. Any other gap is an alarm: nothing is exported past it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.acceptance import Witness
from gateway.core.history import Memory
from gateway.core.value import value

# How far the SQL ledger may be behind before no more holds are made; how many exported entries the store keeps all the
# same, for gateways that look whether what they remember still stands there.
BACKLOG: Final = 1_000_000
TAIL: Final = 10_000

_RESUME: Final = "resume"


@value
class Line:
    """One entry of the store's stream. `at` is microseconds since 1970, `moves` a line `account posted held` for each.

    `facts` are what was learnt (job, cost, cause); `record` is the hold, in the entry that made it known.
    """

    place: Witness
    kind: str
    at: int
    moves: str
    facts: Mapping[str, str]
    record: bytes | None

    @property
    def resumes(self) -> bool:
        """Whether it says what was lost before it, and that admission went on."""
        return self.kind == _RESUME

    def explains(self, expected: int) -> bool:
        """Whether it says that history from `expected` on, or from before that, was lost up to where it stands."""
        return self.resumes and int(self.facts.get("lost_from", self.place.sequence)) <= expected


@dataclass(frozen=True, slots=True)
class Cut:
    """The store does not have the entry any more up to which was exported: its history is not the one that SQL has."""


@dataclass(frozen=True, slots=True)
class Gap:
    """After a row of SQL the stream goes on with another entry than the next, and nothing explains it."""

    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class StoreSide:
    """Whose the store is. `ledger` names the SQL ledger that its entries go to; None before the first export."""

    epoch: str
    organization: str
    frozen: bool
    ledger: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may export, and how far SQL is. `token` is ours to write with, None while somebody else exports.

    `ledger` names the database for ever; `refused` is the place in the stream of refusals up to which SQL has them.
    """

    token: int | None
    ledger: str
    cursor: Witness | None
    refused: str
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class Fenced:
    """Somebody else exports by now. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows of SQL come to up to `cursor`: posted by account, with the time of its last admission.

    `whole` tells whether these are all accounts of SQL.
    """

    cursor: Witness | None
    posted: Mapping[str, int]
    admitted: Mapping[str, datetime]
    whole: bool


def following(cursor: Witness | None, lines: Sequence[Line]) -> tuple[Line, ...] | Cut | Gap:
    """What to export next, of the stream from the cursor's entry on (from its beginning, where there is no cursor)."""
    if cursor is None:
        return _dense(1, lines)
    if not lines or lines[0].place != cursor:
        return Cut()
    return _dense(cursor.sequence + 1, lines[1:])


def _dense(expected: int, lines: Sequence[Line]) -> tuple[Line, ...] | Gap:
    """As far as they follow one another; a gap at the very beginning is told of."""
    for number, line in enumerate(lines):
        if line.place.sequence != expected and not line.explains(expected):
            return tuple(lines[:number]) or Gap(expected, line.place.sequence)
        expected = line.place.sequence + 1
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Fork:
    """Where the store's history leaves the one that SQL has: `last` is the last entry of both, `rest` what the store
    has after it, as far as `resume`, the first of these that says what was lost.
    """

    last: Witness | None
    rest: tuple[Line, ...]
    resume: Line | None

    @property
    def expected(self) -> int:
        """The first number behind the last common entry."""
        return self.last.sequence + 1 if self.last else 1


def explained(fork: Fork) -> Gap | None:
    """None where what follows after the fork begins with what was lost, and the entry that resumes says so."""
    if fork.resume is None or not fork.resume.explains(fork.expected):
        return Gap(fork.expected, fork.rest[0].place.sequence if fork.rest else 0)
    beginning = _dense(fork.expected, fork.rest)
    return beginning if isinstance(beginning, Gap) else None


def remembered(cursor: Witness | None, memory: Memory | None) -> Memory | None:
    """What a gateway knows of its store's history, with what SQL knows of it.

    Of another epoch SQL is no help to who remembers one: on from one to the next leads only a comparison.
    """
    if cursor is None:
        return memory
    known = Memory(cursor.epoch) if memory is None else memory
    known.wrote(cursor.epoch, cursor.sequence, cursor.entry)
    return known
