"""What the SQL ledger has of charges that differ from what was held. It only reads, beside everybody who writes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, cast, func, select
from sqlalchemy.dialects.postgresql import JSON

from gateway.adapters.sql.recordings import looking
from gateway.adapters.sql.schema import ENTRIES
from gateway.core.ledger import Outcome
from gateway.core.price_drift import Charges, Drift, drifts

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CAPTURES: Final = (Outcome.CAPTURED, Outcome.ADOPTED, Outcome.OVERAGE)


class SqlDrift:
    """Implements `administration.Drifts`. `engine` is one for who only looks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def drift(self, since: datetime, until: datetime) -> tuple[Drift, ...]:
        """Of the jobs booked from `since` up to, not including, `until`, those of test keys left out."""
        return await asyncio.to_thread(self._drift, _micros(since), _micros(until))

    def _drift(self, since: int, until: int) -> tuple[Drift, ...]:
        held = ENTRIES.alias()
        known = (held.c.hold == ENTRIES.c.hold) & held.c.record.is_not(None) & held.c.lost_in.is_(None)
        within = (ENTRIES.c.at >= since) & (ENTRIES.c.at < until) & ENTRIES.c.lost_in.is_(None)
        booked = within & ENTRIES.c.kind.in_(_CAPTURES) & (ENTRIES.c.cost != held.c.amount) & held.c.test.is_(False)
        dialect = self._engine.dialect.name
        columns = (
            held.c.model,
            _field(dialect, held.c.record, "rate_card").label("rate_card"),
            _field(dialect, held.c.record, "quoted").label("quoted"),
            ENTRIES.c.cost,
        )
        charges = select(*columns).select_from(ENTRIES.join(held, known)).where(booked).subquery()
        alike = select(charges, func.count().label("jobs")).group_by(*charges.c)
        with looking(self._engine) as connection:
            rows = connection.execute(alike).all()
        return drifts(Charges(row.model, row.rate_card, int(row.quoted), row.cost, row.jobs) for row in rows)


def _field(dialect: str, record: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """A field of a hold's record, which is JSON in a column of text."""
    return cast(record, JSON)[name].astext if dialect == "postgresql" else func.json_extract(record, f"$.{name}")


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
