"""What is recorded is read in order, a few rows at a time, and nothing of it is changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.sql import recordings as module
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine, open_reader, sqlite_url
from gateway.adapters.sql.migrate import migrate
from gateway.adapters.sql.recordings import Recordings
from gateway.core.acceptance import Witness
from gateway.core.account import Balance
from gateway.core.entry import Move
from gateway.core.recorded import Later, Recorded, Request
from gateway.core.refused import Why
from gateway.ports import ArchiveRefused, ArchiveUnavailable
from tests.adapters.redis.holds import TEAM
from tests.adapters.sql.databases import Reader
from tests.adapters.sql.lines import AT, line
from tests.adapters.sql.test_archive import ours, refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SINCE = EPOCH + timedelta(microseconds=AT)
UNTIL = SINCE + timedelta(seconds=1)


def instant(seq: int) -> datetime:
    return SINCE + timedelta(microseconds=seq)


def read(database: str, since: datetime = SINCE) -> list[Recorded]:
    recordings = Recordings(open_reader(database))
    found = [one for row in recordings.read(since, UNTIL) for one in row]
    recordings.close()
    return found


async def test_all_of_it_in_order_a_few_rows_at_a_time(
    database: str, archive: SqlArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    token = await ours(archive)
    facts = {"job": "j1", "cost": "80"}
    lines = [line(seq, *(("captured", f"h{seq - 1}") if seq % 2 == 0 else ()), facts=facts) for seq in range(1, 10)]
    await archive.write(token, None, lines)
    await archive.write_refused(token, "9-0", [replace(refusal(f"r{seq}"), at=AT + 50, after=seq) for seq in (1, 4, 9)])
    found = read(database)
    assert [one.id if isinstance(one, Request) else f"{one.kind} {one.hold}" for one in found] == [
        *("h1", "r1", "captured h1", "h3", "captured h3", "r4", "h5", "captured h5"),
        *("h7", "captured h7", "h9", "r9"),
    ]
    first, refused, later = found[:3]
    assert isinstance(first, Request)
    assert (first.team, first.amount, first.options, first.refused) == ("red", 100, {"duration": "5"}, None)
    assert isinstance(refused, Request)
    assert refused.refused == Why("BUDGET_EXCEEDED", "monthly", "team")
    assert later == Later("h1", instant(2), "captured", facts, (Move(TEAM.name, 100, -100),))
    assert [one.hold for one in read(database, instant(8)) if isinstance(one, Later)] == ["h7"]


async def test_what_stood_before_is_what_stands_less_what_moved_since(database: str, archive: SqlArchive) -> None:
    token = await ours(archive)
    await archive.write(token, None, [line(1), line(2, "captured", "h1"), line(3), line(4, "captured", "h3")])
    recordings = Recordings(open_reader(database))
    assert recordings.opening(instant(1)) == {}
    assert recordings.opening(instant(2)) == {TEAM.name: Balance(0, 100)}
    assert recordings.opening(instant(4)) == {TEAM.name: Balance(100, 100)}
    within = recordings.within(instant(2), instant(4))
    assert (within.rows, within.first, within.last) == (2, instant(2), instant(3))
    assert recordings.within(UNTIL, UNTIL + timedelta(days=1)).first is None
    recordings.close()


async def test_what_the_store_lost_is_left_out(database: str, archive: SqlArchive) -> None:
    token = await ours(archive)
    lines = [line(1), line(2), line(3)]
    await archive.write(token, None, lines)
    await archive.rewind(token, lines[-1].place, Witness("e.1", 1, "h1"), "e.2")
    assert [one.id for one in read(database) if isinstance(one, Request)] == ["h1"]


async def test_how_long_those_ran_that_ended(database: str, archive: SqlArchive, reader: Reader) -> None:
    token = await ours(archive)
    await archive.write(token, None, [line(1), line(2, "captured", "h1"), line(3)])
    reader.run("UPDATE ledger_entries SET kind = 'finished' WHERE seq = 2")
    recordings = Recordings(open_reader(database))
    assert recordings.ended(SINCE, UNTIL) == [("kling/kling-2.6-pro/text-to-video", timedelta(microseconds=1))]
    recordings.close()


async def test_a_reader_can_change_nothing(database: str, archive: SqlArchive) -> None:
    await archive.look()
    engine = open_reader(database)
    with pytest.raises(Exception, match=r"read-?only"), engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_entries")
    engine.dispose()


def test_tables_of_another_version_and_a_missing_file_are_told_in_a_sentence(database: str, tmp_path: Path) -> None:
    engine = open_engine(database)
    with engine.begin():
        pass
    recordings = Recordings(open_reader(database))
    with pytest.raises(ArchiveRefused, match="has no tables of this version yet"):
        recordings.within(SINCE, UNTIL)
    migrate(engine)
    assert recordings.within(SINCE, UNTIL).rows == 0
    engine.dispose()
    recordings.close()
    missing = Recordings(open_reader(sqlite_url(tmp_path / "none.db")))
    with pytest.raises(ArchiveUnavailable, match="unable to open"):
        missing.within(SINCE, UNTIL)
