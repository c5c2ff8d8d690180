"""The books of a store whose entries went to SQL: what stands there is what SQL has and what it lacks, together."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.books import RedisBooks
from gateway.adapters.redis.connection import Store
from gateway.core.books import discrepancies
from gateway.core.export import Totals
from gateway.ports import ArchiveUnavailable
from gateway.service.audit import Audit
from tests.adapters.redis.holds import TEAM
from tests.service.exporting import Exporting, exporting

LIMIT = 1_000


@pytest.fixture
async def it(store: Store, tmp_path: Path) -> AsyncIterator[Exporting]:
    """Twelve jobs of which the store has trimmed most, and five that SQL lacks."""
    async with exporting(store, tmp_path, tail=4) as opened:
        await opened.sell(12)
        await opened.export()
        await opened.sell(5)
        await opened.hold()
        assert (await opened.numbers())[0] > 1
        yield opened


async def wrong(it: Exporting, limit: int = LIMIT) -> list[str]:
    return list(discrepancies(await Audit(RedisBooks(it.store), it.archive).read(limit)))


async def test_it_adds_up_although_entries_were_trimmed(it: Exporting) -> None:
    found = await Audit(RedisBooks(it.store), it.archive).read(LIMIT)
    assert (found.all_entries, found.posted_of) == (True, None)
    assert list(discrepancies(found)) == []


@pytest.mark.parametrize("by", [1, -1])
async def test_what_was_posted_by_hand_is_found(it: Exporting, by: int) -> None:
    await it.store.command("HINCRBY", keys.account_of(TEAM), "posted", by)
    [sentence] = await wrong(it)
    assert f"has posted {17 * 77 + by}, and its entries come to {17 * 77}" in sentence


async def test_an_account_that_only_sql_knows_of_is_missed(it: Exporting) -> None:
    await it.export()
    await it.store.command("DEL", keys.account_of(TEAM))
    assert any("has posted 0" in sentence for sentence in await wrong(it))
    await it.store.command("FLUSHALL")


async def test_of_more_accounts_than_are_read_some_are_compared(it: Exporting) -> None:
    it.reader.run("INSERT INTO ledger_accounts VALUES ('team:red:spend:usd:2020-01', 5, 0, 1)")
    found = await Audit(RedisBooks(it.store), Few(it)).read(LIMIT)
    assert found.posted_of is not None
    assert "team:red:spend:usd:2020-01" not in found.posted_of
    assert list(discrepancies(found)) == []
    await it.store.command("HINCRBY", keys.account_of(TEAM), "posted", 1)
    found = await Audit(RedisBooks(it.store), Few(it)).read(LIMIT)
    assert len(list(discrepancies(found))) == 1


class Few:
    """Implements `audit.Sums`: says two accounts, however many are asked for."""

    def __init__(self, it: Exporting) -> None:
        self._it = it

    async def totals(self, limit: int) -> Totals:
        return await self._it.archive.totals(2)


async def test_where_sql_and_store_do_not_fit_nothing_is_claimed(it: Exporting) -> None:
    it.reader.run("UPDATE ledger_export SET entry = 'another'")
    assert not (await Audit(RedisBooks(it.store), it.archive).read(LIMIT)).all_entries
    assert await wrong(it) == []


class Silent:
    """Implements `audit.Sums`: fails, or says nothing for long."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails

    async def totals(self, limit: int) -> Totals:
        if self._fails:
            raise ArchiveUnavailable("no")
        await asyncio.sleep(60)
        raise AssertionError


@pytest.mark.parametrize("fails", [True, False])
async def test_without_sql_only_what_the_store_has_is_compared(
    it: Exporting, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.service.audit._SQL_S", 0.01)
    found = await Audit(RedisBooks(it.store), Silent(fails)).read(LIMIT)
    assert not found.all_entries
    assert list(discrepancies(found)) == []
