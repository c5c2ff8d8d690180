"""Charges that are not what was quoted, out of SQL: what the store lost and what test keys did is left out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.drift import SqlDrift
from gateway.adapters.sql.engine import open_reader
from gateway.core.acceptance import Witness
from gateway.core.export import Line
from gateway.core.hold_record import encode_hold
from gateway.core.price_drift import Drift
from gateway.ports import ArchiveUnavailable
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.adapters.sql.databases import sqlite

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
MICROS = (START - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
MODEL, CARD = "kling/kling-2.6-pro/text-to-video", "2026-11-01"


class Story:
    """Entries in order, a second apart."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def tell(self, kind: str, hold: str, facts: dict[str, str], record: bytes | None = None) -> None:
        seq = len(self.lines) + 1
        self.lines.append(Line(Witness("e.1", seq, hold), kind, MICROS + seq * 1_000_000, "", facts, record))

    def job(self, hold: str, cost: int, kind: str = "captured", held: int = 100, **others: object) -> None:
        record = encode_hold(admission(hold, demand(TEAM, held, 10**9), **others).hold)
        if kind == "adopted":
            self.tell(kind, hold, {"cost": str(cost)}, record)
            return
        self.tell("hold", hold, {}, record)
        self.tell(kind, hold, {"cost": str(cost)})

    async def write(self, archive: SqlArchive) -> int:
        token = (await archive.lease("one", None, "acme", START, timedelta(seconds=10))).token
        assert token is not None
        assert await archive.write(token, None, self.lines) is None
        return token


async def drift(database: str, since: int = 0, until: int = 1000) -> tuple[Drift, ...]:
    engine = open_reader(database)
    try:
        return await SqlDrift(engine).drift(START + timedelta(seconds=since), START + timedelta(seconds=until))
    finally:
        engine.dispose()


async def test_every_way_of_booking_a_job_counts_and_test_keys_do_not(database: str, archive: SqlArchive) -> None:
    story = Story()
    story.job("h1", 130)
    story.job("h2", 130)
    story.job("h3", 100)
    story.job("h4", 60)
    story.job("h5", 150, "adopted")
    story.job("h6", 105, "overage", model="a/b")
    story.job("h7", 500, test=True)
    story.job("h8", 90, rate_card="2026-12-01")
    # The price is no whole number: held is rounded up, the quote is not, and neither is drift.
    story.job("h9", 99, held=100, quoted=99)
    story.job("h10", 98, held=100, quoted=99)
    await story.write(archive)

    assert await drift(database) == (
        Drift("a/b", CARD, 1, 5, 0, 0),
        Drift(MODEL, CARD, 3, 110, 1, 40),
        Drift(MODEL, "2026-12-01", 0, 0, 1, 10),
    )


async def test_the_time_is_that_of_the_booking(database: str, archive: SqlArchive) -> None:
    story = Story()
    story.job("h1", 130)
    story.job("h2", 170)
    await story.write(archive)
    assert await drift(database, 2, 4) == (Drift(MODEL, CARD, 1, 30, 0, 0),)
    assert await drift(database, 3) == (Drift(MODEL, CARD, 1, 70, 0, 0),)
    assert await drift(database, 5) == ()


async def test_what_the_store_lost_is_left_out(database: str, archive: SqlArchive) -> None:
    story = Story()
    story.job("h1", 130)
    story.job("h2", 170)
    token = await story.write(archive)
    at = [line.place for line in story.lines]
    assert await archive.rewind(token, at[-1], at[1], "e.2") is None
    assert await drift(database) == (Drift(MODEL, CARD, 1, 30, 0, 0),)


async def test_a_database_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnavailable):
        await drift(sqlite(tmp_path / "nowhere"))
