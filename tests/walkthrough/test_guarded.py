"""Whole gateways on a store that is not as it must be: 503, nothing sent, and open again without a restart."""

import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import connect
from gateway.adapters.system import SystemClock
from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from gateway.wiring import open_gateway
from tests.store import running_store
from tests.walkthrough.house import House, Key, open_house, until
from tests.walkthrough.policies import budget, team
from tests.wiring.starting import settings
from tests.wiring.test_gateway import submit


async def refused(house: House, key: Key) -> bool:
    began = time.monotonic()
    answer = await house.submit(key)
    if answer.status == 200:
        return False
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "STORE_UNAVAILABLE", "2")
    assert time.monotonic() - began < 2.0
    return True


async def failing(house: House) -> list[str]:
    document = (await house.call("GET", house.gateway.control_url + "/readyz")).document
    return [name for name, well in document["checks"].items() if not well]


# What is done to the store, what mends it, and which check it fails.
WRONGS = {
    "replica": (["REPLICAOF", "127.0.0.1", 1], ["REPLICAOF", "NO", "ONE"], "primary"),
    "evicting": (
        ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
        ["CONFIG", "SET", "maxmemory-policy", "noeviction"],
        "keeps",
    ),
    "volatile": (["CONFIG", "SET", "appendonly", "no"], ["CONFIG", "SET", "appendonly", "yes"], "durable"),
    "full": (["CONFIG", "SET", "maxmemory", 1], ["CONFIG", "SET", "maxmemory", 0], "room"),
}


@pytest.mark.parametrize("wrong", WRONGS)
async def test_a_store_that_stops_being_what_it_must_be(wrong: str) -> None:
    spoil, mend, check = WRONGS[wrong]
    async with open_house() as house:
        key = await house.key()
        assert (await house.submit(key)).status == 200

        await house.store.command(*spoil)
        await until(lambda: refused(house, key))
        before = house.upstream_calls
        assert await failing(house) == [check]
        assert all([await refused(house, key) for _ in range(5)])
        assert house.upstream_calls == before
        assert (await house.call("GET", house.gateway.data_url + "/healthz")).status == 200

        await house.store.command(*mend)
        await until(house.ready)
        await until(lambda: accepted(house, key))
        assert house.upstream_calls == before + 1


async def accepted(house: House, key: Key) -> bool:
    return (await house.submit(key)).status == 200


async def test_a_clock_that_goes_astray_and_is_set_right(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house() as house:
        key, now = await house.key(), SystemClock.now

        def fast(clock: SystemClock) -> datetime:
            return now(clock) + timedelta(seconds=3)

        with monkeypatch.context() as astray:
            astray.setattr(SystemClock, "now", fast)
            assert await failing(house) == ["clock"]
            assert await refused(house, key)
            assert house.upstream_calls == 0
        assert await failing(house) == []
        assert (await house.submit(key)).status == 200


async def test_a_store_without_its_epoch(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        key = await house.key()
        epoch = await house.store.command("HGET", keys.STORE, "epoch")
        await house.store.command("HDEL", keys.STORE, "epoch")
        assert await failing(house) == ["epoch"]
        assert await refused(house, key)
        assert house.upstream_calls == 0
        assert await house.store.command("HGET", keys.STORE, "epoch") is None
        await house.store.command("HSET", keys.STORE, "epoch", epoch)
        assert await failing(house) == []
        assert (await house.submit(key)).status == 200
        said = [record.getMessage() for record in caplog.records if record.name == "tollhouse.guard"]
        assert len([line for line in said if "has no epoch" in line]) == 1


@pytest.mark.parametrize(
    ("option", "value", "mended", "sentence"),
    [
        ("appendonly", "no", "yes", "The store writes no append-only file"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "The store's maxmemory-policy is allkeys-lru"),
    ],
)
async def test_a_store_that_was_wrong_from_the_start(
    tmp_path: Path, option: str, value: str, mended: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway starts all the same, so that whoever mends the store need not start it again."""
    caplog.set_level(logging.INFO)
    with running_store(**{option: value}) as url:
        store = connect(url)
        mine = settings(tmp_path, team(budget("1.00"), slug="demo"), **shared(url))
        async with open_gateway(mine) as gateway:
            assert gateway.closed is not None
            assert gateway.closed.startswith(sentence)
            assert gateway.demo_key is not None
            assert (await submit(gateway, gateway.demo_key))[0] == 503
            await store.command("CONFIG", "SET", option, mended)

            async def opened() -> bool:
                return (await submit(gateway, gateway.demo_key or ""))[0] == 200

            await until(opened)
        said = [record.getMessage() for record in caplog.records if record.name == "tollhouse.guard"]
        assert [line.startswith(f"no holds are made: {sentence}") for line in said] == [True, False]
        await store.close()


def shared(url: str) -> dict[str, str]:
    admin = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))
    return {"redis_url": url, "pepper": "0123456789abcdef", "admin_key": admin, "store_init": "auto"}


async def test_a_store_that_is_a_replica_from_the_start(tmp_path: Path) -> None:
    with running_store() as url:
        store = connect(url)
        mine = settings(tmp_path, team(budget("1.00"), slug="demo"), **shared(url))
        async with open_gateway(mine) as gateway:
            key = gateway.demo_key
            assert gateway.closed is None
        await store.command("REPLICAOF", "127.0.0.1", 1)
        async with open_gateway(mine) as gateway:
            assert gateway.closed == "The store is a replica, not a primary."
            assert (await submit(gateway, key or ""))[0] == 503
            await store.command("REPLICAOF", "NO", "ONE")

            async def opened() -> bool:
                return (await submit(gateway, key or ""))[0] == 200

            await until(opened)
        await store.close()


async def test_what_an_operator_puts_up_with_by_name(tmp_path: Path) -> None:
    with running_store(appendonly="no", **{"maxmemory-policy": "volatile-lru"}) as url:
        mine = settings(tmp_path, team(budget("1.00"), slug="demo"), **shared(url), store_allow="volatile, evicting")
        async with open_gateway(mine) as gateway:
            assert gateway.closed is None
            assert (await submit(gateway, gateway.demo_key or ""))[0] == 200
