"""The SQL ledger: rows and cursor together, by whoever has the newest lease, each row once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.core.acceptance import Witness
from gateway.core.entry import Move
from gateway.core.export import Fenced, Lease
from gateway.core.refused import Refused
from gateway.ports import ArchiveRefused, ArchiveUnavailable
from tests.adapters.redis.holds import TEAM
from tests.adapters.sql.databases import Reader
from tests.adapters.sql.lines import AT, line, resume

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LASTS = timedelta(seconds=10)


async def lease(archive: SqlArchive, holder: str = "one", token: int | None = None, seconds: int = 0) -> Lease:
    return await archive.lease(holder, token, "acme", NOW + timedelta(seconds=seconds), LASTS)


async def ours(archive: SqlArchive, holder: str = "one", seconds: int = 0) -> int:
    token = (await lease(archive, holder, seconds=seconds)).token
    assert token is not None
    return token


async def test_a_fresh_one_has_a_name_that_stays_and_nothing_in_it(database: str, archive: SqlArchive) -> None:
    assert await archive.look() == Lease(None, "the-ledger", None, "0-0", None)
    other = SqlArchive(open_engine(database), "another-name")
    assert (await other.look()).ledger == "the-ledger"
    await other.close()


async def test_rows_and_cursor_come_together(archive: SqlArchive, reader: Reader) -> None:
    token = await ours(archive)
    capture = line(2, "captured", "h1", amount=80, facts={"job": "j1", "cost": "80", "cause": 'a "quoted" one'})
    assert await archive.write(token, None, [line(1), capture]) is None

    assert (await lease(archive, token=token)).cursor == Witness("e.1", 2, "h1")
    assert reader.entries() == [("e.1", 1, "hold", "h1"), ("e.1", 2, "captured", "h1")]
    assert reader.posted() == {TEAM.name: (80, 20)}
    [hold, captured] = reader.rows("SELECT at, team, key_id, model, amount, job, cost FROM ledger_entries ORDER BY seq")
    assert hold == (AT + 1, "red", "k1", "kling/kling-2.6-pro/text-to-video", 100, None, None)
    assert captured == (AT + 2, None, None, None, None, "j1", 80)


async def test_the_lease_is_one_gateways_until_it_lapses(archive: SqlArchive) -> None:
    first = await ours(archive)
    assert (await lease(archive, "two", seconds=9)).token is None
    assert (await lease(archive, token=first, seconds=9)).token == first
    assert (await lease(archive, "two", seconds=18)).token is None
    second = await ours(archive, "two", seconds=20)
    assert second > first
    # Whoever let it lapse is somebody new.
    assert (await lease(archive, token=first, seconds=21)).token is None


async def test_whoever_lost_the_lease_writes_nothing(archive: SqlArchive, reader: Reader) -> None:
    late = await ours(archive)
    newer = await ours(archive, "two", seconds=11)
    assert await archive.write(newer, None, [line(1)]) is None

    assert await archive.write(late, None, [line(1)]) == Fenced()
    assert await archive.write(late, Witness("e.1", 1, "h1"), [line(2)]) == Fenced()
    assert await archive.rewind(late, Witness("e.1", 1, "h1"), None, "e.2") == Fenced()
    assert await archive.write_refused(late, "9-0", [refusal("r1")]) == Fenced()
    assert reader.entries() == [("e.1", 1, "hold", "h1")]
    assert reader.posted() == {TEAM.name: (0, 100)}
    assert reader.rows("SELECT * FROM refused_submissions") == []
    assert (await archive.look()).cursor == Witness("e.1", 1, "h1")


async def test_what_is_written_already_is_not_written_again(archive: SqlArchive, reader: Reader) -> None:
    token = await ours(archive)
    assert await archive.write(token, None, [line(1), line(2)]) is None
    assert await archive.write(token, None, [line(1), line(2)]) == Fenced()
    with pytest.raises(ArchiveRefused, match="another entry with this epoch and number"):
        await archive.write(token, Witness("e.1", 2, "h2"), [line(2, hold="another")])
    assert [hold for *_, hold in reader.entries()] == ["h1", "h2"]
    assert reader.posted() == {TEAM.name: (0, 200)}


async def test_what_the_store_lost_is_marked_and_does_not_count(archive: SqlArchive, reader: Reader) -> None:
    token = await ours(archive)
    await archive.write(token, None, [line(1), line(2, "captured", "h1"), line(3)])
    assert await archive.rewind(token, Witness("e.1", 3, "h3"), Witness("e.1", 1, "h1"), "e.3") is None
    assert (await archive.look()).cursor == Witness("e.1", 1, "h1")
    assert reader.posted() == {TEAM.name: (0, 100)}
    assert reader.rows("SELECT seq, lost_in FROM ledger_entries ORDER BY seq") == [(1, None), (2, "e.3"), (3, "e.3")]

    again = [line(2, "captured", "h1", epoch="e.2"), resume(4, 2, 3)]
    assert await archive.write(token, Witness("e.1", 1, "h1"), again) is None
    assert reader.posted() == {TEAM.name: (100, 0)}
    assert [entry[:2] for entry in reader.entries()] == [("e.1", 1), ("e.2", 2), ("e.3", 4)]


async def test_which_of_these_it_knows(archive: SqlArchive) -> None:
    token = await ours(archive)
    await archive.write(token, None, [line(1), line(2), line(3)])
    places = [Witness("e.1", number, f"h{number}") for number in (1, 2, 3, 4)]
    assert await archive.known(places) == 3
    assert await archive.known(places[:2]) == 2
    assert await archive.known([places[0], Witness("e.1", 2, "another"), places[2]]) == 1
    assert await archive.known([]) == 0
    await archive.rewind(token, places[2], places[0], "e.3")
    assert await archive.known(places) == 1


def refusal(refusal_id: str) -> Refused:
    where = ("acme", "red", "k1", False, "a/model", None)
    return Refused(
        refusal_id, AT, "req_1", *where, 350_000, "over_limit", "BUDGET_EXCEEDED", "monthly", "team", "p1", "c1",
        {"duration": "5"},
    )  # fmt: skip


async def test_a_refused_submission_has_one_row(archive: SqlArchive, reader: Reader) -> None:
    token = await ours(archive)
    assert await archive.write_refused(token, "5-1", [refusal("r1"), refusal("r2")]) is None
    assert await archive.write_refused(token, "6-0", [refusal("r2"), refusal("r3")]) is None
    assert (await archive.look()).refused == "6-0"
    found = reader.rows("SELECT id, amount, code, limit_name, inputs FROM refused_submissions ORDER BY id")
    assert found == [(f"r{n}", 350_000, "BUDGET_EXCEEDED", "monthly", '{"duration": "5"}') for n in (1, 2, 3)]


async def test_totals_are_of_the_accounts_that_were_used_last(archive: SqlArchive) -> None:
    token = await ours(archive)
    assert (await archive.totals(5)).cursor is None
    await archive.write(token, None, [line(1), line(2, "captured", "h1", amount=70)])
    totals = await archive.totals(1)
    assert (totals.cursor, totals.posted, totals.whole) == (Witness("e.1", 2, "h1"), {TEAM.name: 70}, True)
    assert totals.admitted[TEAM.name] == datetime.fromtimestamp((AT + 1) / 1e6, UTC)
    assert not (await archive.totals(0)).whole


async def test_the_ledger_of_another_organization_is_not_written_to(archive: SqlArchive) -> None:
    await ours(archive)
    with pytest.raises(ArchiveRefused, match='of the organization "acme", and the store serves "umbrella"'):
        await archive.lease("one", None, "umbrella", NOW, LASTS)


async def test_two_at_once_take_turns(database: str, archive: SqlArchive, reader: Reader) -> None:
    """Both believe that they may; the lease lasts no time at all, and one row comes of each entry."""
    others = [SqlArchive(open_engine(database), "x") for _ in range(2)]
    await archive.look()

    async def exporter(one: SqlArchive, name: str) -> None:
        token: int | None = None
        for _ in range(30):
            known = await one.lease(name, token, "acme", datetime.now(UTC), timedelta())
            token = known.token
            last = known.cursor.sequence if known.cursor else 0
            if token is not None:
                await one.write(token, known.cursor, [line(last + 1), line(last + 2)])

    await asyncio.gather(*(exporter(one, str(number)) for number, one in enumerate(others)))
    for one in others:
        await one.close()
    numbers = [number for _, number, _, _ in reader.entries()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert reader.posted() == {TEAM.name: (0, 100 * len(numbers))}


async def test_a_database_that_is_not_there_is_told_without_its_password() -> None:
    archive = SqlArchive(open_engine("postgresql://toll:hunter2@127.0.0.1:1/ledger"), "x")
    with pytest.raises(ArchiveUnavailable, match="refused") as caught:
        await archive.look()
    assert "hunter2" not in str(caught.value)
    await archive.close()


async def test_a_holds_entries_are_read_as_they_were_written(archive: SqlArchive) -> None:
    token = await ours(archive)
    capture = line(2, "captured", "h1", amount=80, facts={"job": "j1", "cost": "80"})
    assert await archive.write(token, None, [line(1), capture, line(3)]) is None
    hold, captured = await archive.entries_of("h1")
    assert (hold.seq, hold.kind, hold.moves) == (1, "hold", (Move(TEAM.name, 0, 100),))
    assert (captured.kind, captured.facts, captured.moves) == (
        "captured",
        {"job": "j1", "cost": "80"},
        (Move(TEAM.name, 80, -80),),
    )
    assert (captured.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == AT + 2
    assert await archive.rewind(token, Witness("e.1", 3, "h3"), Witness("e.1", 1, "h1"), "e.2") is None
    assert await archive.entries_of("h1") == (hold,)
