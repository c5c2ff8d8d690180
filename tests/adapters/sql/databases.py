"""Databases for tests: SQLite in a directory, and a real PostgreSQL, each empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from gateway.adapters.sql.engine import open_engine, sqlite_url


@contextmanager
def emptied(url: str) -> Iterator[str]:
    """A PostgreSQL database without any tables."""
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    yield url


def sqlite(directory: Path) -> str:
    return sqlite_url(directory / "ledger.db")


class Reader:
    """Reads a ledger as anybody with SQL would, beside the program."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self._engine.begin() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    def run(self, sql: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.text(sql))

    def entries(self) -> list[tuple[str, int, str, str]]:
        """Epoch, number, kind and hold of every row that is not lost, in order."""
        found = self.rows("SELECT epoch, seq, kind, hold FROM ledger_entries WHERE lost_in IS NULL ORDER BY seq, epoch")
        return [(str(epoch), int(str(seq)), str(kind), str(hold)) for epoch, seq, kind, hold in found]

    def posted(self) -> dict[str, tuple[int, int]]:
        """What the accounts of the ledger come to."""
        found = self.rows("SELECT account, posted, held FROM ledger_accounts")
        return {str(account): (int(str(posted)), int(str(held))) for account, posted, held in found}

    def close(self) -> None:
        self._engine.dispose()
