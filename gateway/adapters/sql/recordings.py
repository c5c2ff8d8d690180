"""What the SQL ledger has of submissions and their later life, in the order in which it happened.

The rule of this file: it only reads, and never holds more than a few thousand rows. What the store was found to have
lost is left out, as it is in the sums of accounts: what was replayed of it stands in rows of its own.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.adapters.sql.merge import in_order
from gateway.adapters.sql.migrate import SchemaTooNew, SchemaTooOld, expect
from gateway.adapters.sql.schema import ACCOUNTS, ENTRIES, REFUSED
from gateway.core.account import Balance
from gateway.core.entry import Move
from gateway.core.hold_record import decode_like
from gateway.core.ledger import Outcome
from gateway.core.recorded import FLOWS, Later, Recorded, Request
from gateway.core.refused import Why
from gateway.ports import ArchiveRefused, ArchiveUnavailable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 2000
_ENDS_LOOKED_AT: Final = 10_000
_HOLD: Final = "hold"
_COLUMNS: Final = (
    *(ENTRIES.c.seq, ENTRIES.c.kind, ENTRIES.c.hold, ENTRIES.c.at, ENTRIES.c.facts, ENTRIES.c.moves, ENTRIES.c.record),
)
_KINDS: Final = (_HOLD, *FLOWS)
_ENDS: Final = (Outcome.FINISHED, Outcome.REFUNDED)
_STANDS: Final = ENTRIES.c.lost_in.is_(None)
_KNOWN: Final = _STANDS & ENTRIES.c.kind.in_(_KINDS)


@dataclass(frozen=True, slots=True)
class Range:
    """What is recorded from `since` up to, not including, `until`: so many rows; and from when to when it goes (UTC),
    None where there is nothing.
    """

    since: datetime
    until: datetime
    rows: int
    first: datetime | None
    last: datetime | None


class Recordings:
    """A ledger that is looked at. All raise ArchiveUnavailable or ArchiveRefused. `close` it in the end."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        self._engine.dispose()

    def within(self, since: datetime, until: datetime) -> Range:
        """How much there is of that time."""
        found = []
        with looking(self._engine) as connection:
            expect(connection)
            for at, where in ((ENTRIES.c.at, _entries(since, until)), (REFUSED.c.at, _refused(since, until))):
                found.append(connection.execute(select(func.count(), func.min(at), func.max(at)).where(where)).one())
        times = [at for _, first, last in found for at in (first, last) if at is not None]
        first, last = (_instant(min(times)), _instant(max(times))) if times else (None, None)
        return Range(since, until, sum(rows for rows, _, _ in found), first, last)

    def opening(self, since: datetime) -> Mapping[str, Balance]:
        """What stood on each account before `since`: what stands there now, less all that moved since."""
        moved = select(ENTRIES.c.moves, func.count()).where(_STANDS, ENTRIES.c.at >= _micros(since))
        posted, held = Counter[str](), Counter[str]()
        with looking(self._engine) as connection:
            for row in connection.execute(select(ACCOUNTS.c.account, ACCOUNTS.c.posted, ACCOUNTS.c.held)):
                posted[row.account], held[row.account] = row.posted, row.held
            for moves, times in connection.execute(moved.group_by(ENTRIES.c.moves)):
                for move in _moves(moves):
                    posted[move.account] -= times * move.posted
                    held[move.account] -= times * move.held
        return {name: Balance(posted[name], held[name]) for name in posted | held if posted[name] or held[name]}

    def ended(self, since: datetime, until: datetime) -> list[tuple[str, timedelta]]:
        """Of the jobs that ended last in that time, so many at most: the model, and how long it ran."""
        held = ENTRIES.alias()
        joined = ENTRIES.join(held, (held.c.hold == ENTRIES.c.hold) & (held.c.kind == _HOLD) & held.c.lost_in.is_(None))
        ends = select(held.c.model, ENTRIES.c.at - held.c.at).select_from(joined)
        ends = ends.where(_entries(since, until), ENTRIES.c.kind.in_(_ENDS))
        with looking(self._engine) as connection:
            rows = connection.execute(ends.order_by(ENTRIES.c.at.desc()).limit(_ENDS_LOOKED_AT)).all()
        return [(model, timedelta(microseconds=lasted)) for model, lasted in rows]

    def read(self, since: datetime, until: datetime) -> Iterator[tuple[Recorded, ...]]:
        """All of that time in order, what each row says."""
        for row in in_order(self._entry_rows(since, until), self._refused_rows(since, until)):
            yield _told(row)

    def _entry_rows(self, since: datetime, until: datetime) -> Iterator[Row[Any]]:
        numbers = select(func.min(ENTRIES.c.seq), func.max(ENTRIES.c.seq)).where(_entries(since, until))
        with looking(self._engine) as connection:
            first, last = connection.execute(numbers).one()
        if first is None:
            return
        # Not by the index of times: all that it finds would be sorted anew for every few rows.
        within = (ENTRIES.c.at + 0 >= _micros(since)) & (ENTRIES.c.at + 0 < _micros(until)) & _KNOWN
        rows, after = select(*_COLUMNS).where(within, ENTRIES.c.seq <= last), first - 1
        while some := self._some(rows.where(ENTRIES.c.seq > after).order_by(ENTRIES.c.seq)):
            yield from some
            after = some[-1].seq

    def _refused_rows(self, since: datetime, until: datetime) -> Iterator[Row[Any]]:
        rows = select(REFUSED).order_by(REFUSED.c.at, REFUSED.c.id)
        where = _refused(since, until)
        while some := self._some(rows.where(where)):
            yield from some
            last = some[-1]
            behind = (REFUSED.c.at > last.at) | ((REFUSED.c.at == last.at) & (REFUSED.c.id > last.id))
            where = behind & _refused(_instant(last.at), until)

    def _some(self, rows: Select[Any]) -> list[Row[Any]]:
        with looking(self._engine) as connection:
            return list(connection.execute(rows.limit(_AT_ONCE)).all())


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """A transaction in which nothing is written. Raises ArchiveUnavailable or ArchiveRefused, whatever goes wrong."""
    try:
        with engine.begin() as connection:
            yield connection
    except (SchemaTooNew, SchemaTooOld) as error:
        raise ArchiveRefused(str(error)) from None
    except SQLAlchemyError as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
        raise ArchiveUnavailable(said.partition("\n")[0].strip() or type(error).__name__) from None


def _entries(since: datetime, until: datetime) -> ColumnElement[bool]:
    at = ENTRIES.c.at
    return (at >= _micros(since)) & (at < _micros(until)) & _KNOWN


def _refused(since: datetime, until: datetime) -> ColumnElement[bool]:
    return (REFUSED.c.at >= _micros(since)) & (REFUSED.c.at < _micros(until))


def _told(row: Row[Any]) -> tuple[Recorded, ...]:
    """A hold that the store heard of by its capture was asked for too, and has been held."""
    if len(row) != len(_COLUMNS):
        return (_refused_request(row),)
    entry: Sequence[Any] = row
    _, kind, hold, at, facts, moves, record = entry
    if kind == _HOLD:
        return () if record is None else (_held_request(record),)
    if record is None or kind != Outcome.ADOPTED:
        return (Later(hold, _instant(at), kind, from_json(facts), _moves(moves)),)
    captured = Later(hold, _instant(at), Outcome.CAPTURED.value, from_json(facts), _moves(moves))
    return _held_request(record), captured


def _held_request(record: str) -> Request:
    hold, own = decode_like(record)
    return Request(
        id=own.id,
        at=own.created_at,
        organization=hold.organization,
        team=hold.team,
        key=hold.key,
        test=hold.test,
        model=hold.model,
        version=hold.version,
        options={one.field: one.value for one in hold.factors},
        amount=hold.amount,
        rate_card=hold.rate_card,
    )


def _refused_request(row: Row[Any]) -> Request:
    return Request(
        id=row.id,
        at=_instant(row.at),
        organization=row.organization,
        team=row.team,
        key=row.key_id,
        test=row.test,
        model=row.model,
        version=row.version,
        options=json.loads(row.inputs),
        amount=row.amount,
        rate_card=row.rate_card,
        refused=Why(row.code, row.limit_name, row.limit_scope),
    )


@lru_cache(maxsize=1024)
def _moves(text: str) -> tuple[Move, ...]:
    """Jobs of one kind move the same amounts on the same accounts, and come in crowds."""
    return tuple([Move(account, posted, held) for account, posted, held in json.loads(text)])


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
