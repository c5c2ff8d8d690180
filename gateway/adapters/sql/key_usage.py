"""What the SQL ledger has of one key: its submits, what became of them, and what was refused.

The rule of this file: what the store was found to have lost is left out, as it is in the sums of accounts.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from gateway.adapters.sql.schema import ENTRIES, REFUSED
from gateway.core.key_usage import Asked, Turned, Usage, usage
from gateway.core.ledger import Outcome
from gateway.core.recorded import FLOWS, Later

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 1000
# An entry that carries the hold: of a submit, or of a capture that the store heard of first.
_FIRST: Final = ("hold", Outcome.ADOPTED)


def read_usage(connection: Connection, key_id: str, since: datetime) -> Usage:
    """All that was admitted or refused from `since` (UTC) on."""
    first, after = ENTRIES.alias(), ENTRIES.alias()
    of_key = (first.c.key_id == key_id) & (first.c.at >= _micros(since)) & first.c.lost_in.is_(None)
    of_key &= first.c.kind.in_(_FIRST)
    asked = connection.execute(select(first.c.hold, first.c.at, first.c.amount).where(of_key))
    joined = first.join(after, (after.c.hold == first.c.hold) & after.c.lost_in.is_(None) & after.c.kind.in_(FLOWS))
    later = select(after.c.hold, after.c.at, after.c.kind, after.c.facts).select_from(joined).where(of_key)
    rows = connection.execute(later.order_by(after.c.seq).execution_options(yield_per=_AT_ONCE))
    return usage(
        [Asked(row.hold, _instant(row.at), row.amount) for row in asked],
        (Later(row.hold, _instant(row.at), row.kind, json.loads(row.facts), ()) for row in rows),
        _refused(connection, key_id, since),
    )


def _refused(connection: Connection, key_id: str, since: datetime) -> list[Turned]:
    why = (REFUSED.c.code, REFUSED.c.limit_name)
    amount = func.coalesce(func.sum(REFUSED.c.amount), 0)
    query = select(*why, func.count(), amount).where(REFUSED.c.key_id == key_id, REFUSED.c.at >= _micros(since))
    rows = connection.execute(query.group_by(*why).order_by(amount.desc(), *why))
    return [Turned(code, limit, count, int(sum_)) for code, limit, count, sum_ in rows]


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
