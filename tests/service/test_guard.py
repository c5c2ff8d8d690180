"""The guard on a real store: closed until it has looked, closed by each thing that is wrong, open again when mended."""

import asyncio
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.core.store_condition import Allowance, Check
from gateway.ports import StoreUnavailable
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.adapters.redis.waiting import process_of, until
from tests.service.gatehouse import Gatehouse
from tests.store import running_store


@pytest.fixture
async def own_store() -> AsyncIterator[Store]:
    """A store that may be turned into what no store should be; `e1` of `acme`."""
    with running_store() as url:
        connection = connect(url)
        await open_ledger(connection)
        yield connection
        await connection.close()


# What is wrong with a store that knows all it ever knew.
REMEMBERS = {"version", "durable", "room", "scripts", "clock", "exported"}


async def closed_by(house: Gatehouse, check: str) -> None:
    """One look finds this and nothing else, and no submit passes. What is missing may be lost, or never was."""
    assert await house.failing() == [check]
    assert house.guard.closed is not None
    assert (house.guard.doubted is None) == (check in REMEMBERS)


async def open_again(house: Gatehouse) -> None:
    assert await house.failing() == []
    assert house.guard.closed is house.guard.doubted is None


async def test_it_is_closed_until_it_has_looked(own_store: Store) -> None:
    house = Gatehouse(own_store)
    assert house.guard.closed == house.guard.doubted == "the store has not been looked at yet"
    await open_again(house)


@pytest.mark.parametrize(
    ("setting", "bad", "good", "check"),
    [
        ("appendonly", "no", "yes", "durable"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "keeps"),
        ("maxmemory", "1", "0", "room"),
    ],
)
async def test_settings_at_run_time(own_store: Store, setting: str, bad: str, good: str, check: str) -> None:
    house = Gatehouse(own_store)
    await open_again(house)
    await own_store.command("CONFIG", "SET", setting, bad)
    await closed_by(house, check)
    await own_store.command("CONFIG", "SET", setting, good)
    await open_again(house)


async def test_more_entries_that_sql_lacks_than_there_may_be(own_store: Store) -> None:
    house = Gatehouse(own_store)
    await own_store.command("HSET", keys.STORE, "seq", 5, "room_to", 6)
    await open_again(house)
    await own_store.command("HSET", keys.STORE, "seq", 6)
    await closed_by(house, "exported")
    await own_store.command("HSET", keys.STORE, "room_to", 7)
    await open_again(house)


async def test_a_replica_is_not_asked_for_its_history(own_store: Store) -> None:
    house = Gatehouse(own_store)
    await own_store.command("REPLICAOF", "127.0.0.1", 1)
    report = await house.guard.look()
    assert [finding.check for finding in report.findings] == ["primary"]
    assert not {Check.EPOCH, Check.THAWED, Check.BOOKS} & set(report.looked_at)
    assert house.guard.closed == "The store is a replica, not a primary."
    await own_store.command("REPLICAOF", "NO", "ONE")
    await open_again(house)


async def test_a_clock_that_is_off(own_store: Store) -> None:
    house = Gatehouse(own_store)
    house.clock.off = timedelta(seconds=4)
    await closed_by(house, "clock")
    house.clock.off = timedelta()
    await open_again(house)


async def test_an_append_only_file_that_cannot_be_written() -> None:
    """A disk that is full, as far as the server can see: no file of it may grow."""
    with running_store() as url:
        store = connect(url)
        await open_ledger(store)
        pid, house = await process_of(store), Gatehouse(store)
        await open_again(house)
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
        try:
            # The server notices when it writes; this write it may still take.
            await store.command("HSET", keys.GATEWAYS, "other", "1 0 ")
            await until_failing(house, ["durable"])
            assert house.guard.closed == "The store cannot write its append-only file."
            with pytest.raises(StoreUnavailable, match="MISCONF"):
                await house.ledger.admit(admission("h1", demand(TEAM, 1, 9)), house.clock.now())
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        await until_failing(house, [])
        assert house.guard.closed is None
        await store.close()


async def until_failing(house: Gatehouse, checks: list[str]) -> None:
    for _ in range(500):
        if await house.failing() == checks:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"it never failed by {checks}")


async def test_an_emptied_store_and_a_strangers(own_store: Store) -> None:
    house = Gatehouse(own_store)
    await open_again(house)
    await own_store.command("FLUSHALL")
    await closed_by(house, "epoch")
    assert await own_store.command("DBSIZE") == 0
    await own_store.command("HSET", keys.STORE, "epoch", "z.1", "organization", "initech", "seq", "5")
    await closed_by(house, "organization")
    assert await own_store.command("EXISTS", keys.GATEWAYS) == 0
    assert house.ledger.memory.epoch == "e1"


async def test_a_frozen_store(own_store: Store) -> None:
    house, other = Gatehouse(own_store), Gatehouse(own_store, boot="other")
    await open_again(house)
    await other.guard.look()
    await other.watch.freeze("e1", "e1.2", 1, 5)
    await closed_by(house, "thawed")
    assert "entries 1 to 5" in (house.guard.closed or "")


@pytest.mark.parametrize(
    ("allowance", "setting", "value"),
    [(Allowance.VOLATILE, "appendonly", "no"), (Allowance.EVICTING, "maxmemory-policy", "allkeys-lru")],
)
async def test_what_the_operator_puts_up_with(own_store: Store, allowance: Allowance, setting: str, value: str) -> None:
    await own_store.command("CONFIG", "SET", setting, value)
    assert await Gatehouse(own_store).failing() != []
    await open_again(Gatehouse(own_store, allowed=[allowance]))


async def test_books_that_do_not_add_up_close_it_until_they_do(
    own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Gatehouse(own_store)
    await first.ledger.admit(admission("h1", demand(TEAM, 700, 9_999)), first.clock.now())
    await own_store.command("HINCRBY", keys.account_of(TEAM), "held", 1)

    house = Gatehouse(own_store)
    await closed_by(house, "books")
    assert f"Account {TEAM.name} holds 701, and its open holds come to 700." in (house.guard.closed or "")
    await own_store.command("HINCRBY", keys.account_of(TEAM), "held", -1)
    assert await house.failing() == ["books"]
    monkeypatch.setattr("gateway.service.guard._AUDIT_AGAIN_S", 0.0)
    await open_again(house)

    # They are compared once for each run of the store: what goes on meanwhile is the scripts' business.
    await own_store.command("HINCRBY", keys.account_of(TEAM), "held", 1)
    assert await house.failing() == []


async def test_a_store_that_hangs_closes_it_after_a_while(own_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    house, pid = Gatehouse(own_store), await process_of(own_store)
    await open_again(house)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert await house.failing() == ["store"]
        # One answer that is late closes nothing; the hold itself finds out soon enough.
        assert house.guard.closed is None
        monkeypatch.setattr("gateway.service.guard._TRUSTED_S", 0.1)
        await until(lambda: house.guard.closed is not None)
        assert "has not been seen sound" in (house.guard.closed or "")
    finally:
        os.kill(pid, signal.SIGCONT)
    await until_failing(house, [])
    monkeypatch.setattr("gateway.service.guard._TRUSTED_S", 10.0)
    assert house.guard.closed is None


async def test_a_store_that_is_gone_is_a_finding_and_no_exception(own_store: Store) -> None:
    house, pid = Gatehouse(own_store), await process_of(own_store)
    os.kill(pid, signal.SIGKILL)
    await until_failing(house, ["store"])
    await house.guard.tend()
    assert house.guard.closed == house.guard.doubted == "the store has not been looked at yet"


async def test_a_reason_is_logged_when_it_changes_and_not_every_second(
    own_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tollhouse.guard")
    house = Gatehouse(own_store)
    for _ in range(3):
        await house.guard.look()
    assert caplog.messages == []
    await own_store.command("CONFIG", "SET", "appendonly", "no")
    for _ in range(3):
        await house.guard.look()
    await own_store.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    for _ in range(3):
        await house.guard.look()
    [durable, keeps] = caplog.messages
    assert "append-only" in durable
    assert "allkeys-lru" in keeps
    await own_store.command("CONFIG", "SET", "appendonly", "yes")
    await own_store.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    for _ in range(3):
        await house.guard.look()
    assert caplog.messages[2:] == ["the store is sound; holds are made"]
