"""The SQL ledger as the exporter writes it and the guard reads it, one transaction for each call.

The rule of this file: rows and cursor are written together, and only with the token of the newest lease. Whoever paused
past its lease finds another token there when it goes on, and writes nothing. A transaction that was cut off is as if it
had never been, so asking again is safe.

SQLAlchemy's Core is called in one thread of its own: SQL is never waited for on the event loop, and no call overtakes
another.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Row, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from gateway.adapters.sql.audit_records import read_audit
from gateway.adapters.sql.engine import take_as_long_as_it_takes
from gateway.adapters.sql.key_usage import read_usage
from gateway.adapters.sql.migrate import SchemaTooNew, migrate
from gateway.adapters.sql.rows import ENTRY_FIELDS, account_rows_taken_back, entry_of, refused_row, rows
from gateway.adapters.sql.schema import ACCOUNTS, ENTRIES, EXPORT, REFUSED
from gateway.core.acceptance import Witness
from gateway.core.audit_record import AuditRecord
from gateway.core.entry import Entry
from gateway.core.export import Fenced, Lease, Line, Totals
from gateway.core.key_usage import Usage
from gateway.core.refused import Refused
from gateway.ports import ArchiveRefused, ArchiveUnavailable

_Answer = TypeVar("_Answer")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 1000
_FIRST: Final = text(
    "INSERT INTO ledger_export (id, ledger, token, leased_until, seq, refused) VALUES (1, :ledger, 0, 0, 0, '0-0') "
    "ON CONFLICT (id) DO NOTHING"
)
_ADD: Final = text(
    "INSERT INTO ledger_accounts (account, posted, held, admitted_at) VALUES (:account, :posted, :held, :admitted_at) "
    "ON CONFLICT (account) DO UPDATE SET posted = ledger_accounts.posted + excluded.posted, "
    "held = ledger_accounts.held + excluded.held, admitted_at = CASE "
    "WHEN excluded.admitted_at > ledger_accounts.admitted_at THEN excluded.admitted_at "
    "ELSE ledger_accounts.admitted_at END"
)
_REFUSED_FIELDS: Final = [column.name for column in REFUSED.columns]
_REFUSE: Final = text(
    f"INSERT INTO refused_submissions ({', '.join(_REFUSED_FIELDS)}) "  # noqa: S608 (names of our own columns)
    f"VALUES ({', '.join(':' + name for name in _REFUSED_FIELDS)}) ON CONFLICT (id) DO NOTHING"
)


class SqlArchive:
    """Implements `export.Archive`, `audit.Sums`, `administration.AuditRecords`, `job_story.Entries` and
    `key_usages.KeyRecords`.

    All raise ArchiveUnavailable or ArchiveRefused.

    `fresh` names the database, if it has no name yet. `close` it in the event loop that it was used in.
    """

    def __init__(self, engine: Engine, fresh: str) -> None:
        self._engine = engine
        self._fresh = fresh
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql")
        self._prepared = False

    async def look(self) -> Lease:
        """How far SQL is, and whose it is. Makes or changes the tables, if need be."""
        return await self._run(self._look)

    def _look(self) -> Lease:
        with self._engine.begin() as connection:
            row = connection.execute(select(EXPORT)).one()
        return Lease(None, row.ledger, _cursor(row), row.refused, row.organization)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)

    async def lease(self, holder: str, token: int | None, organization: str, now: datetime, lasts: timedelta) -> Lease:
        """Renew the lease that `token` stands for, or take it over from whoever let it lapse."""
        return await self._run(lambda: self._lease(holder, token, organization, _micros(now), _micros(now + lasts)))

    def _lease(self, holder: str, token: int | None, organization: str, now: int, until: int) -> Lease:
        with self._engine.begin() as connection:
            row = _export(connection)
            if row.organization not in (None, organization):
                raise ArchiveRefused(
                    f'the SQL ledger is that of the organization "{row.organization}", and the store serves '
                    f'"{organization}"'
                )
            if token != row.token or token is None:
                token = row.token + 1 if row.leased_until <= now else None
            # Every renewal waits for the disk.
            if token is not None and (token != row.token or row.leased_until - now < (until - now) // 2):
                values = {"token": token, "holder": holder, "leased_until": until, "organization": organization}
                connection.execute(update(EXPORT).values(values))
            return Lease(token, row.ledger, _cursor(row), row.refused, organization)

    async def write(self, token: int, after: Witness | None, lines: Sequence[Line]) -> Fenced | None:
        """Rows for these entries, what they come to, and the cursor at the last of them: all or nothing."""
        return await self._run(lambda: self._write(token, after, lines))

    def _write(self, token: int, after: Witness | None, lines: Sequence[Line]) -> Fenced | None:
        entries, sums = rows(lines)
        with self._engine.begin() as connection:
            if not _advanced(connection, token, after, lines[-1].place):
                return Fenced()
            connection.exec_driver_sql(_entered(connection.dialect.paramstyle), entries)
            if sums:
                connection.execute(_ADD, sums)
            return None

    async def rewind(self, token: int, after: Witness | None, to: Witness | None, epoch: str) -> Fenced | None:
        """The store lost the entries behind `to`, as was found in `epoch`: mark theirs, and go on from there."""
        return await self._run(lambda: self._rewind(token, after, to, epoch))

    def _rewind(self, token: int, after: Witness | None, to: Witness | None, epoch: str) -> Fenced | None:
        lost = (ENTRIES.c.seq > (to.sequence if to else 0)) & ENTRIES.c.lost_in.is_(None)
        with self._engine.begin() as connection:
            if not _advanced(connection, token, after, to):
                return Fenced()
            take_as_long_as_it_takes(connection)
            # Of an emptied store that is every row there is.
            moves = connection.scalars(select(ENTRIES.c.moves).where(lost).execution_options(yield_per=_AT_ONCE))
            if sums := account_rows_taken_back(moves):
                connection.execute(_ADD, sums)
            connection.execute(update(ENTRIES).where(lost).values(lost_in=epoch))
            return None

    async def known(self, places: Sequence[Witness]) -> int:
        """How many of these entries, from the first on, have rows that are not lost."""
        return await self._run(lambda: self._known(places))

    def _known(self, places: Sequence[Witness]) -> int:
        if not places:
            return 0
        between = ENTRIES.c.seq.between(places[0].sequence, places[-1].sequence) & ENTRIES.c.lost_in.is_(None)
        with self._engine.begin() as connection:
            rows = connection.execute(select(ENTRIES.c.epoch, ENTRIES.c.seq, ENTRIES.c.hold).where(between)).all()
        there = {Witness(*row) for row in rows}
        return next((number for number, place in enumerate(places) if place not in there), len(places))

    async def write_refused(self, token: int, upto: str, refused: Sequence[Refused]) -> Fenced | None:
        """Rows for these, each once, and the place in the stream of refusals up to which there are rows."""
        return await self._run(lambda: self._write_refused(token, upto, refused))

    def _write_refused(self, token: int, upto: str, refused: Sequence[Refused]) -> Fenced | None:
        with self._engine.begin() as connection:
            if connection.execute(update(EXPORT).where(EXPORT.c.token == token).values(refused=upto)).rowcount != 1:
                return Fenced()
            if refused:
                connection.execute(_REFUSE, [refused_row(one) for one in refused])
            return None

    async def totals(self, limit: int) -> Totals:
        """What is posted by account: of at most so many, those to which something was admitted last."""
        return await self._run(lambda: self._totals(limit))

    def _totals(self, limit: int) -> Totals:
        newest = select(ACCOUNTS).order_by(ACCOUNTS.c.admitted_at.desc(), ACCOUNTS.c.account).limit(limit + 1)
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Both statements see one instant.
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            cursor = _cursor(connection.execute(select(EXPORT)).one())
            rows = connection.execute(newest).all()
        return Totals(
            cursor,
            {row.account: row.posted for row in rows[:limit]},
            {row.account: _EPOCH + timedelta(microseconds=row.admitted_at) for row in rows[:limit]},
            len(rows) <= limit,
        )

    async def audit_records(
        self, limit: int, before: datetime | None, action: str | None, by: str | None
    ) -> tuple[AuditRecord, ...]:
        """Every change, the newest first."""
        return await self._run(lambda: self._audit_records(limit, before, action, by))

    def _audit_records(
        self, limit: int, before: datetime | None, action: str | None, by: str | None
    ) -> tuple[AuditRecord, ...]:
        with self._engine.begin() as connection:
            return read_audit(connection, limit, before, action, by)

    async def key_usage(self, key_id: str, since: datetime) -> Usage:
        """What was run with a key from then on, and what was refused."""
        return await self._run(lambda: self._key_usage(key_id, since))

    def _key_usage(self, key_id: str, since: datetime) -> Usage:
        with self._engine.begin() as connection:
            return read_usage(connection, key_id, since)

    async def entries_of(self, hold_id: str) -> tuple[Entry, ...]:
        """Every entry of a hold that is not lost, in order."""
        return await self._run(lambda: self._entries_of(hold_id))

    def _entries_of(self, hold_id: str) -> tuple[Entry, ...]:
        wanted = (ENTRIES.c.hold == hold_id) & ENTRIES.c.lost_in.is_(None)
        with self._engine.begin() as connection:
            return tuple(map(entry_of, connection.execute(select(ENTRIES).where(wanted).order_by(ENTRIES.c.seq)).all()))

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translated, work)

    def _translated(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            if not self._prepared:
                migrate(self._engine)
                with self._engine.begin() as connection:
                    connection.execute(_FIRST, {"ledger": self._fresh})
                self._prepared = True
            return work()
        except SchemaTooNew as error:
            raise ArchiveRefused(str(error)) from None
        except IntegrityError:
            raise ArchiveRefused("the SQL ledger has another entry with this epoch and number") from None
        except SQLAlchemyError as error:
            raise ArchiveUnavailable(_told(error)) from None


def _advanced(connection: Connection, token: int, after: Witness | None, to: Witness | None) -> bool:
    """Move the cursor, if it is where it was and nobody else has leased it. First of all: whoever waits, waits here."""
    here = (EXPORT.c.token == token) & (EXPORT.c.seq == (after.sequence if after else 0))
    there: Mapping[str, Any] = {
        "epoch": to.epoch if to else None,
        "seq": to.sequence if to else 0,
        "entry": to.entry if to else None,
    }
    return bool(connection.execute(update(EXPORT).where(here).values(there)).rowcount == 1)


def _entered(paramstyle: str) -> str:
    """The statement that writes entries, as the driver wants it: most rows by far are written by this one."""
    mark = "?" if paramstyle == "qmark" else "%s"
    return f"INSERT INTO {ENTRIES.name} ({', '.join(ENTRY_FIELDS)}) VALUES ({', '.join([mark] * len(ENTRY_FIELDS))})"  # noqa: S608 (names of our own columns)


def _export(connection: Connection) -> Row[Any]:
    return connection.execute(select(EXPORT).with_for_update()).one()


def _cursor(row: Row[Any]) -> Witness | None:
    return Witness(row.epoch, row.seq, row.entry) if row.epoch is not None else None


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _told(error: SQLAlchemyError) -> str:
    """What the driver said, in one line: SQLAlchemy adds the statement, and what was asked is nobody's business."""
    said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
    return said.partition("\n")[0].strip() or type(error).__name__
