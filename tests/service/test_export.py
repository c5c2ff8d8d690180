"""The exporter between a real store and a real database: every entry once, nothing trimmed too early, no gap passed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.stream import RedisStream
from gateway.core.acceptance import Witness
from gateway.core.admission import Closed, Created
from gateway.core.export import Line
from gateway.core.ledger import Verb
from gateway.core.refused import Refused, encode_refused
from gateway.service.export import Export
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.service.exporting import NOW, Exporting, exporting, job


@pytest.fixture
async def it(store: Store, tmp_path: Path) -> AsyncIterator[Exporting]:
    """The store keeps ten exported entries, and SQL may lack thirty."""
    async with exporting(store, tmp_path, backlog=30, tail=10) as opened:
        yield opened


def seqs(it: Exporting) -> list[int]:
    return [seq for _, seq, _, _ in it.reader.entries()]


async def in_order(it: Exporting) -> None:
    """SQL has all that the store says, and what it comes to is what stands there."""
    assert it.export.alarm is None
    sums = {account: balance for account, balance in it.reader.posted().items() if balance != (0, 0)}
    assert sums == {account: balance for account, balance in (await it.balances()).items() if balance != (0, 0)}


async def test_what_is_written_is_exported_and_trimmed_behind_the_cursor(it: Exporting) -> None:
    await it.export()
    assert seqs(it) == []
    await it.sell(12)
    await it.export()
    assert seqs(it) == list(range(1, 25))
    assert await it.numbers() == list(range(14, 25))
    assert (await it.field("exported"), await it.field("room_to")) == (24, 54)
    await it.sell(1)
    await it.export()
    assert seqs(it) == list(range(1, 27))
    await in_order(it)


async def test_more_than_one_batch(it: Exporting) -> None:
    await it.store.command("HSET", keys.STORE, "room_to", 10_000)
    await it.sell(330)
    await it.export()
    assert seqs(it) == list(range(1, 661))
    assert await it.numbers() == list(range(650, 661))
    await in_order(it)


async def test_it_goes_on_where_another_process_ended(it: Exporting) -> None:
    await it.sell(3)
    await it.export()
    await it.sell(3)
    it.clock.off = timedelta(seconds=6)
    await (await it.another("two", backlog=30, tail=10))()
    assert seqs(it) == list(range(1, 13))
    await in_order(it)


async def test_one_at_a_time_exports(it: Exporting) -> None:
    other = await it.another("two", backlog=30, tail=10)
    await it.sell(1)
    await it.export()
    await it.sell(1)
    await other()
    assert seqs(it) == [1, 2]
    await it.export()
    assert seqs(it) == [1, 2, 3, 4]


async def test_one_that_loses_its_lease_while_it_reads_writes_nothing(
    it: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, other = it.export, await it.another("two", backlog=30, tail=10)
    asleep, awake, read = asyncio.Event(), asyncio.Event(), late._stream.read

    async def slow(start: int, limit: int) -> tuple[Line, ...]:
        found = await read(start, limit)
        asleep.set()
        await awake.wait()
        return found

    monkeypatch.setattr(late._stream, "read", slow)
    await it.sell(3)
    going_on = asyncio.create_task(late())
    await asleep.wait()
    it.clock.off = timedelta(seconds=6)
    await it.sell(2)
    await other()
    assert seqs(it) == list(range(1, 11))
    awake.set()
    await going_on
    await it.sell(1)
    await other()
    assert seqs(it) == list(range(1, 13))
    assert it.reader.rows("SELECT seq FROM ledger_export") == [(12,)]
    await in_order(it)


async def test_no_holds_are_made_when_sql_is_too_far_behind_and_what_was_held_still_moves(it: Exporting) -> None:
    await it.export()
    await it.sell(14)
    held = admission("held", demand(TEAM, 1, 10**9), created_at=NOW)
    assert isinstance(await it.ledger.admit(held, NOW), Created)
    await it.ledger.move(Verb.CAPTURE, held.hold, NOW, job="jx", cost=1)
    one = admission("one", demand(TEAM, 1, 10**9), created_at=NOW)
    assert await it.ledger.admit(one, NOW) == Closed("too far ahead of the SQL ledger")
    await it.ledger.move(Verb.FINISH, held.hold, NOW)
    await it.export()
    assert isinstance(await it.ledger.admit(one, NOW), Created)


async def test_a_store_that_was_never_exported_has_an_end_too(store: Store, it: Exporting) -> None:
    assert await it.field("room_to") == 1_000_000


async def test_a_gap_that_nothing_explains_stops_it_and_nothing_is_trimmed(
    it: Exporting, caplog: pytest.LogCaptureFixture
) -> None:
    await it.sell(2)
    await it.export()
    await it.sell(12)
    await it.store.command("XDEL", keys.ENTRIES, "9-0")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await it.export()
    assert it.export.alarm == (
        "Entry 9 is missing in the store: it goes on with 10, and no entry says why. See docs/ledger.md."
    )
    assert len([record for record in caplog.records if record.name == "tollhouse.export"]) == 1
    assert seqs(it) == list(range(1, 9))
    # Nothing but what SQL has was trimmed, and the entries behind the gap wait.
    assert await it.numbers() == [*range(1, 9), *range(10, 29)]


async def test_entries_that_were_trimmed_by_somebody_else_are_a_gap(it: Exporting) -> None:
    await it.sell(2)
    await it.export()
    await it.sell(3)
    await it.store.command("XTRIM", keys.ENTRIES, "MINID", "7-0")
    await it.export()
    assert it.export.alarm is not None
    assert it.export.alarm.startswith("Entry 1 is missing in the store: it goes on with 7")
    assert seqs(it) == [1, 2, 3, 4]


async def freeze_of(it: Exporting) -> tuple[str, str, int, int]:
    epoch, frozen, *lost = await it.store.command("HMGET", keys.STORE, "epoch", "frozen", "lost_from", "lost_to")
    return epoch.decode(), frozen.decode(), int(lost[0]), int(lost[1])


async def resumed(it: Exporting, epoch: str, fresh: str) -> None:
    assert await it.watch.thaw(epoch, fresh, NOW) is not None
    it.ledger.memory.take_up(fresh, it.ledger.memory.seen)


async def test_a_store_that_lost_history_is_frozen_by_what_sql_knows_and_repaired(it: Exporting) -> None:
    await it.sell(2)
    await it.hold()
    copy = await it.copy()
    await it.capture()
    await it.sell(1)
    await it.export()
    await it.put_back(copy)
    await it.export()
    assert await freeze_of(it) == ("e1.2", "history lost", 6, 8)
    # What moves meanwhile belongs to a new epoch and waits.
    it.ledger.memory.take_up("e1.2", 5)
    await it.ledger.move(Verb.CAPTURE, job(3).hold, NOW, job="j3", cost=77)
    for _ in range(2):
        await it.export()
    assert (seqs(it), it.export.alarm) == ([*range(1, 9)], None)

    await resumed(it, "e1.2", "e1.3")
    await it.sell(1)
    await it.export()
    found = [(epoch, seq) for epoch, seq, _, _ in it.reader.entries()]
    assert found == [*(("e1", seq) for seq in range(1, 6)), ("e1.2", 6), *(("e1.3", seq) for seq in range(9, 12))]
    lost = it.reader.rows("SELECT epoch, seq, lost_in FROM ledger_entries WHERE lost_in IS NOT NULL ORDER BY seq")
    assert lost == [("e1", 6, "e1.3"), ("e1", 7, "e1.3"), ("e1", 8, "e1.3")]
    await in_order(it)


async def test_history_that_was_lost_before_it_was_exported_is_explained_by_the_entry_that_resumes(
    it: Exporting,
) -> None:
    await it.sell(2)
    await it.export()
    await it.sell(1)
    copy = await it.copy()
    await it.sell(2)
    await it.put_back(copy)
    await it.watch.freeze("e1", "e1.2", 7, 10)
    await resumed(it, "e1.2", "e1.3")
    await it.sell(1)
    await it.export()
    assert [(epoch, seq) for epoch, seq, _, _ in it.reader.entries()][-4:] == [
        ("e1", 6), ("e1.3", 11), ("e1.3", 12), ("e1.3", 13),
    ]  # fmt: skip
    await in_order(it)


async def test_a_resume_that_does_not_reach_back_far_enough_explains_nothing(it: Exporting) -> None:
    await it.sell(1)
    await it.hold()
    copy = await it.copy()
    await it.capture()
    await it.sell(2)
    await it.export()
    await it.put_back(copy)
    await it.watch.freeze("e1", "e1.2", 6, 8)
    await resumed(it, "e1.2", "e1.3")
    await it.export()
    assert it.export.alarm is not None
    assert it.export.alarm.startswith("Entry 4 is missing in the store")
    assert seqs(it) == list(range(1, 9))
    assert await it.numbers() == [1, 2, 3, 9]


async def test_an_emptied_store_that_was_begun_anew(it: Exporting) -> None:
    await it.sell(2)
    await it.export()
    await it.store.command("FLUSHALL")
    await it.export()
    assert await it.store.command("EXISTS", keys.STORE) == 0
    await it.store.command("HSET", keys.STORE, "epoch", "f.1", "organization", "acme", "seq", 0)
    await it.export()
    assert await freeze_of(it) == ("f.2", "history lost", 1, 4)
    await resumed(it, "f.2", "f.3")
    await it.export()
    assert it.reader.entries() == [("f.3", 5, "resume", "")]
    await in_order(it)


async def test_whoever_does_not_export_learns_from_sql_what_it_must_find_in_the_store(it: Exporting) -> None:
    other = await it.another("two")
    await it.sell(2)
    await it.export()
    assert it.learnt == []
    await other()
    assert it.learnt == [Witness("e1", 4, "h2")]


async def test_the_entries_of_a_store_go_to_one_ledger(it: Exporting, store: Store, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with exporting(store, tmp_path / "other", backlog=30, tail=10) as other:
        await other.store.command("HDEL", keys.STORE, "ledger")
        await it.sell(2)
        await it.export()
        named = await it.store.command("HGET", keys.STORE, "ledger")
        other.reader.run("UPDATE ledger_export SET ledger = 'another'")
        await other.export()
        assert other.export.alarm is not None
        assert other.export.alarm.startswith("The store's entries go to another SQL ledger.")
        assert (other.reader.entries(), named) == ([], b"the-ledger")


async def test_a_database_that_does_not_answer_is_waited_for(
    it: Exporting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.service.export._AWAY_S", 0.0)
    await it.sell(1)
    it.reader.run("ALTER TABLE ledger_entries RENAME TO elsewhere")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await it.export()
    assert it.export.trouble is not None
    assert len(caplog.records) == 1
    # What SQL did not take is not what the store is told of.
    assert await it.field("exported") == 0
    it.reader.run("ALTER TABLE elsewhere RENAME TO ledger_entries")
    await it.export()
    assert (seqs(it), it.export.trouble) == ([1, 2], None)


async def test_a_late_one_does_not_trim_what_a_newer_history_has(it: Exporting) -> None:
    """It committed, paused, and tells the store of it when the entry that it means is not there any more."""
    await it.sell(3)
    await it.hold()
    await it.export()
    copy = await it.copy()
    await it.capture()
    await it.sell(8)
    await it.export()
    await it.put_back(copy)
    stream = RedisStream(it.store, tail=2)
    assert not await stream.exported("the-ledger", Witness("e1", 24, "h12"))
    assert await it.numbers() == list(range(1, 8))
    assert not await stream.exported("another", Witness("e1", 7, "h4"))
    assert await stream.exported("the-ledger", Witness("e1", 7, "h4"))
    assert await it.numbers() == [5, 6, 7]


def refusal(number: int) -> Refused:
    return Refused(
        f"r{number}", 1, "req", "acme", "red", "k1", False, "m", None, 5, "over_limit", "C", "l", "team", "p", "c", {}
    )


async def test_refused_submissions_have_a_table_of_their_own(it: Exporting) -> None:
    for number in range(250):
        await it.store.command("XADD", keys.REFUSED, "*", "record", encode_refused(refusal(number)))
    await it.export()
    await it.export()
    assert it.reader.rows("SELECT count(*), count(DISTINCT id) FROM refused_submissions") == [(250, 250)]
    assert await it.store.command("XLEN", keys.REFUSED) == 1
    assert seqs(it) == []


async def test_jobs_that_run_while_it_exports(it: Exporting) -> None:
    await it.store.command("HSET", keys.STORE, "room_to", 10_000)
    ended = asyncio.Event()

    async def export_on(one: Export) -> None:
        while not ended.is_set():
            await one()
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        exports = (await it.another("three", tail=10, backlog=10_000), await it.another("two", tail=10, backlog=10_000))
        for one in exports:
            group.create_task(export_on(one))
        await it.sell(150)
        ended.set()
    for one in exports:
        await one()
    assert seqs(it) == list(range(1, 301))
    await in_order(it)
