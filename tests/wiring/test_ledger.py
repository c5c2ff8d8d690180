"""The SQL ledger of a gateway: a file by default, waited for when it is away, and a witness of what the store was."""

import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.adapters import exporter
from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.system import SystemEntropy
from gateway.core.acceptance import Witness
from gateway.core.export import Lease
from gateway.core.history import Kept, Memory
from gateway.wiring import CannotStart, open_gateway
from gateway.wiring.ledger import open_archive, recall
from tests.adapters.redis.holds import open_ledger
from tests.adapters.sql.databases import Reader, sqlite
from tests.walkthrough.house import open_house, until
from tests.walkthrough.policies import budget, team
from tests.wiring.starting import settings
from tests.wiring.test_gateway import DEMO, submit

CURSOR = Witness("e1", 4, "h2")
NOWHERE = "postgresql://toll:hunter2@127.0.0.1:1/ledger"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "DELAY_S", 0.0)


async def test_what_is_sold_and_refused_comes_into_the_file(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, team(budget("0.35"), slug="demo"))) as gateway:
        assert gateway.demo_key is not None
        assert [(await submit(gateway, gateway.demo_key))[0] for _ in range(3)] == [200, 402, 402]
        reader = Reader(f"sqlite:///{tmp_path}/data/ledger.db")

        async def arrived() -> bool:
            return len(reader.entries()) == 2 and reader.rows("SELECT count(*) FROM refused_submissions") == [(2,)]

        await until(arrived)
        assert [kind for _, _, kind, _ in reader.entries()] == ["hold", "captured"]
        assert reader.rows("SELECT cost FROM ledger_entries WHERE cost IS NOT NULL") == [(350_000,)]
        assert set(reader.rows("SELECT team, code, limit_name, amount FROM refused_submissions")) == {
            ("demo", "BUDGET_EXCEEDED", "budget", 350_000)
        }
        reader.close()


async def test_the_lag_is_a_metric() -> None:
    async with open_house(team(budget("5.00"))) as house:
        await house.submit(await house.key())

        async def exported() -> bool:
            return (await house.metrics())("tollhouse_ledger_lag_seconds") == 0

        await until(exported)
        # Two of the key that was issued, two of the submit.
        assert await house.store.command("HGET", keys.STORE, "exported") == b"4"


async def test_a_gateway_starts_without_its_database_and_does_not_name_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_gateway(settings(tmp_path, DEMO, database_url=NOWHERE)) as gateway:
        assert gateway.demo_key is not None
        assert (await submit(gateway, gateway.demo_key))[0] == 200
    assert "the SQL ledger does not answer, and entries wait in the store" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("url", ["mysql://toll:hunter2@host/ledger", "sqlite://"])
async def test_an_address_of_another_kind(tmp_path: Path, url: str) -> None:
    with pytest.raises(CannotStart, match="TOLLHOUSE_DATABASE_URL: write sqlite:///PATH") as caught:
        async with open_gateway(settings(tmp_path, DEMO, database_url=url)):
            raise AssertionError("it started")
    assert "hunter2" not in str(caught.value)


async def test_tables_of_a_newer_version_end_the_start(tmp_path: Path) -> None:
    url = sqlite(tmp_path)
    async with AsyncExitStack() as stack:
        await open_archive(stack, settings(tmp_path, DEMO, database_url=url), SystemEntropy())
    reader = Reader(url)
    reader.run("UPDATE ledger_version SET version_num = '9999'")
    reader.close()
    with pytest.raises(CannotStart, match="version 9999, which are newer than this program"):
        async with open_gateway(settings(tmp_path, DEMO, database_url=url)):
            raise AssertionError("it started")


async def test_sql_remembers_what_the_store_was(store: Store) -> None:
    ours = Lease(None, "ours", CURSOR, "0-0", "acme")
    assert await recall(None, store, None) is None
    assert await recall(Lease(None, "ours", None, "0-0"), store, None) is None
    # Of an emptied store too.
    assert await recall(ours, store, None) == Kept("acme", Memory("e1", 4, CURSOR, 4))

    await open_ledger(store)
    known = Kept("acme", Memory("e1", 2))
    assert await recall(ours, store, known) == Kept("acme", Memory("e1", 4, CURSOR, 4))
    await store.command("HSET", keys.STORE, "ledger", "theirs")
    assert await recall(ours, store, known) == known
    with pytest.raises(CannotStart, match='the SQL ledger is that of the organization "initech"'):
        await recall(Lease(None, "ours", CURSOR, "0-0", "initech"), store, None)


async def test_a_store_that_was_emptied_is_not_taken_for_a_fresh_one_while_sql_remembers_it(tmp_path: Path) -> None:
    url = sqlite(tmp_path)
    async with open_gateway(settings(tmp_path, DEMO, database_url=url)) as gateway:
        assert gateway.demo_key is not None
        await submit(gateway, gateway.demo_key)
        store = connect(f"unix://{tmp_path}/data/store/store.sock")

        async def exported() -> bool:
            return bool(await store.command("HGET", keys.STORE, "exported") == b"2")

        await until(exported)
        await store.close()
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(CannotStart, match="the store is empty, and was not when this gateway used it last"):
        async with open_gateway(settings(tmp_path, DEMO, database_url=url)):
            raise AssertionError("it started")
