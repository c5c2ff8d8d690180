"""The SQL ledger, the store and the provider's account book, each read on its own and held against the others."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.ledger import Move
from tests.adapters.sql.databases import Reader
from tests.rigs.books import Books, Line, ended_twice, overspent
from tests.rigs.provider import Account, Diary

# The limit that every job of every team counts on; see `tests/walkthrough/policies.py`.
EVERYTHING: Final = "ample"
BACK: Final = {"refunded", "adjusted"}


@dataclass(frozen=True, slots=True)
class Charged:
    """What one job came to: whose it is, what it cost, and what of that came back, in micro-USD."""

    team: str
    charge: int
    refund: int


@dataclass(slots=True)
class Row:
    """One hold, as the rows of the ledger tell it."""

    team: str = ""
    request: str = ""
    job: str | None = None
    charge: int = 0
    refund: int = 0


@dataclass(slots=True)
class Statement:
    """The SQL ledger: its entries in order, its accounts, and its holds by id."""

    entries: list[Line] = field(default_factory=list)
    accounts: dict[str, tuple[int, int]] = field(default_factory=dict)
    holds: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))

    @property
    def jobs(self) -> dict[str, Charged]:
        """What each job came to. Raises AssertionError where two holds have one."""
        owned = [(row.job, Charged(row.team, row.charge, row.refund)) for row in self.holds.values() if row.job]
        assert len(dict(owned)) == len(owned), "two holds have one job"
        return dict(owned)


def read_statement(database: str) -> Statement:
    """Everything that SQL has, read as anybody might."""
    reader = Reader(database)
    statement = Statement(accounts=reader.posted())
    try:
        rows = reader.rows(
            "SELECT seq, kind, hold, moves, job, record FROM ledger_entries WHERE lost_in IS NULL ORDER BY seq, epoch"
        )
    finally:
        reader.close()
    for seq, kind, hold, moves, job, record in rows:
        moved = tuple(Move(*move) for move in json.loads(str(moves)))
        statement.entries.append(Line(int(str(seq)), str(kind), str(hold), moved))
        if record is not None or str(hold) in statement.holds:
            _add(statement.holds[str(hold)], str(kind), moved, job, record)
    return statement


def _add(row: Row, kind: str, moves: tuple[Move, ...], job: object, record: object) -> None:
    if record is not None:
        known = json.loads(str(record))
        row.team, row.request = known["team"], known["request_id"]
    if job is not None and kind != "anomaly":
        row.job = str(job)
    posted = sum(move.posted for move in moves if limit(move.account) == EVERYTHING)
    if kind in BACK:
        row.refund -= posted
    else:
        row.charge += posted


def limit(account: str) -> str:
    """The name of the limit that an account belongs to."""
    return account.split(":")[-3]


def out_of_balance(statement: Statement, books: Books) -> list[str]:
    """Where the ledger's accounts, the store's, and the sums of all entries differ, and gaps in the numbers."""
    summed: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for line in statement.entries:
        for move in line.moves:
            posted, held = summed[move.account]
            summed[move.account] = (posted + move.posted, held + move.held)
    sql, store = statement.accounts, books.balances
    wrong = [
        f"{account}: its entries say {summed[account]}, SQL {sql.get(account)}, the store {store.get(account)}"
        for account in sorted(summed.keys() | sql.keys() | store.keys())
        if not summed[account] == sql.get(account, (0, 0)) == store.get(account, (0, 0))
    ]
    numbers = [line.seq for line in statement.entries]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append("there are gaps in the numbers")
    # The store keeps the newest entries, and SQL has these as they are.
    if books.entries and books.entries != statement.entries[-len(books.entries) :]:
        wrong.append("the store's newest entries are not SQL's")
    return wrong


def charged_upstream(account: Account, diary: Diary, teams: Mapping[str, str]) -> dict[str, Charged]:
    """What the provider says of each job. `teams` says whose each request was."""
    made = {note.job: note.request for note in diary.notes if note.job is not None}
    return {job: Charged(teams[made[job]], charge, back) for job, (charge, back, _) in account.lines.items()}


def differences(ours: Mapping[str, Charged], theirs: Mapping[str, Charged]) -> list[str]:
    """Every job that is not the same in both, to the last micro-USD."""
    return [
        f"{job}: the ledger has {ours.get(job)}, the provider {theirs.get(job)}"
        for job in sorted(ours.keys() | theirs.keys())
        if ours.get(job) != theirs.get(job)
    ]


def in_the_store(books: Books, statement: Statement) -> list[str]:
    """Holds that the store tells otherwise than the ledger does, or that have not ended."""
    wrong = []
    for hold_id in sorted(books.holds.keys() | statement.holds.keys()):
        one, row = books.holds.get(hold_id), statement.holds.get(hold_id)
        if one is None or row is None:
            wrong.append(f"{hold_id}: the store has {one}, SQL {row}")
        elif one.state not in ("finished", "refunded", "voided") or one.job != row.job:
            wrong.append(f"{hold_id}: it is {one.state} with {one.job}, SQL says {row.job}")
        elif one.job is not None and one.cost != row.charge:
            wrong.append(f"{hold_id}: the store says {one.cost}, SQL {row.charge}")
    return wrong


def overspent_and_ended_twice(statement: Statement, ceilings: Mapping[str, int]) -> list[str]:
    """Holds that had no room, and holds with two ends, by the ledger's entries."""
    books = Books(entries=statement.entries)
    return overspent(books, ceilings) + ended_twice(books)
