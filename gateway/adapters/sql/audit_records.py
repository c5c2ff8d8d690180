"""The audit trail as the SQL ledger has it: two entries for a change, put together again.

The rule of this file: also what a store has lost since is shown, because it was done.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Connection, select

from gateway.adapters.sql.schema import ENTRIES
from gateway.core.audit_record import BEGUN, DONE, AuditRecord, Begun, Done, read_begun, read_done

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 200


def read_audit(
    connection: Connection, limit: int, before: datetime | None, action: str | None, by: str | None
) -> tuple[AuditRecord, ...]:
    """The newest first, at most so many, begun before an instant, of this action and by whom."""
    with closing(_begun(connection, before)) as begun:
        wanted = (one for one in begun if action in (None, one.action) and by in (None, one.by.name))
        found = list(islice(wanted, limit))
    done: dict[str, Done] = {}
    for some in _pieces([begun.id for begun in found]):
        done |= _done(connection, some)
    return tuple(AuditRecord(begun, done.get(begun.id)) for begun in found)


def _begun(connection: Connection, before: datetime | None) -> Generator[Begun, None, None]:
    query = select(ENTRIES.c.hold, ENTRIES.c.at, ENTRIES.c.facts).where(ENTRIES.c.kind == BEGUN)
    if before is not None:
        query = query.where(ENTRIES.c.at < (before - _EPOCH) // timedelta(microseconds=1))
    newest = query.order_by(ENTRIES.c.at.desc(), ENTRIES.c.seq.desc()).execution_options(yield_per=_AT_ONCE)
    seen: set[str] = set()
    with connection.execute(newest) as rows:
        for row in rows:
            # Told twice where the store changed its epoch in between.
            if row.hold not in seen:
                seen.add(row.hold)
                yield read_begun(row.hold, _instant(row.at), _facts(row.facts))


def _done(connection: Connection, ids: Iterable[str]) -> Mapping[str, Done]:
    query = select(ENTRIES.c.hold, ENTRIES.c.at, ENTRIES.c.facts)
    rows = connection.execute(query.where(ENTRIES.c.hold.in_(ids) & (ENTRIES.c.kind == DONE)))
    return {row.hold: read_done(_instant(row.at), _facts(row.facts)) for row in rows}


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _facts(text: str) -> Mapping[str, str]:
    facts: Mapping[str, str] = json.loads(text)
    return facts


def _pieces(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
