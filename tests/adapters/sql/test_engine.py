"""Which database an address means, and that SQLite waits for the disk."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.adapters.sql.engine import database, open_engine, sqlite_url


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////srv/ledger.db", "sqlite"),
        ("postgresql://u:p@host/db", "postgresql+psycopg"),
        ("postgres://u:p@host/db", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@host/db?sslmode=verify-full", "postgresql+psycopg"),
    ],
)
def test_addresses(url: str, driver: str) -> None:
    assert database(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    ["", "hunter2", "mysql://u:hunter2@h/d", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://u:hunter2@h/d",
     "postgresql://u:hunter2@h:port/d"],
)  # fmt: skip
def test_other_addresses_are_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="write sqlite:///PATH, or postgresql://") as caught:
        database(url)
    assert "hunter2" not in str(caught.value)


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "a b%20?.db"))
    with engine.begin() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()
    assert (tmp_path / "a b%20?.db").exists()


@pytest.mark.system
def test_a_database_without_a_locale_holds_texts(postgres_server: str) -> None:
    server = open_engine(postgres_server).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(
            sa.text("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        )
    server.dispose()
    engine = open_engine(postgres_server.replace("/postgres?", "/bytes?"))
    with engine.begin() as connection:
        assert connection.execute(sa.text("SHOW server_encoding")).scalar() == "SQL_ASCII"
        assert connection.execute(sa.text("SELECT 'Zürich'")).scalar() == "Zürich"
    engine.dispose()
