"""The database of the SQL ledger: which one an address means, and how it is spoken to.

SQLite writes through its write-ahead log and waits for the disk at every commit. PostgreSQL ends a transaction that
says nothing for a while, or whose statement lasts: that of an exporter which hangs must not keep the next one waiting.
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

_SILENT_MS: Final = 10_000
_CONNECT_S: Final = 5
_BUSY_S: Final = 5
# A link that carries nothing any more is given up: nobody says so by itself. Texts are texts, also in a database that
# was made without a locale and says that it holds bytes.
_LINK: Final = {
    "connect_timeout": _CONNECT_S,
    "client_encoding": "utf8",
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": _SILENT_MS,
}
_DRIVERS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def database(url: str) -> URL:
    """The address as SQLAlchemy has it, with our driver. Raises ValueError, which quotes nothing of it."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername.partition("+")[0] not in _DRIVERS:
        raise ValueError("write sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE")
    name, _, driver = parsed.drivername.partition("+")
    if driver not in ("", "pysqlite", "psycopg") or (name == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise ValueError("write sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE, without another driver")
    return parsed.set(drivername=_DRIVERS[name])


def sqlite_url(path: Path) -> str:
    """The address of a file."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def open_engine(url: str) -> Engine:
    """Nothing is connected before the first use. Raises ValueError. What was asked is in no error's text."""
    address = database(url)
    if address.drivername == "sqlite":
        engine = create_engine(address, hide_parameters=True, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = ("idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout")
    options = " ".join(f"-c {limit}={_SILENT_MS}" for limit in limits)
    return create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"options": options, **_LINK},
    )


def open_reader(url: str) -> Engine:
    """As `open_engine`, for who only looks: it makes no file, takes no lock that a writer waits for, and has time."""
    address = database(url)
    if address.drivername == "sqlite":
        file = f"file:{quote(str(address.database))}?mode=ro"
        engine = create_engine(f"sqlite:///{file}&uri=true", hide_parameters=True, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _no_own_transactions)
        event.listen(engine, "begin", _begin_looking)
        return engine
    options = "-c default_transaction_read_only=on"
    return create_engine(address, hide_parameters=True, connect_args={"options": options, **_LINK})


def take_as_long_as_it_takes(connection: Connection) -> None:
    """For the rest of the transaction: some statements are about all rows there are."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))


def _no_own_transactions(connection: Any, _record: object) -> None:
    # The driver's own transactions begin with the first write, too late for what was read before it.
    connection.isolation_level = None


def _tune_sqlite(connection: Any, record: object) -> None:
    _no_own_transactions(connection, record)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_looking(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_sqlite(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
