"""What the store says of itself: whose it is, what is open and since when, and how far our clock is off."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.ledger import NEEDED
from gateway.adapters.redis.vitals import RedisVitals
from gateway.core.ledger import State
from gateway.core.store_condition import Condition, failings
from tests.store import running_store


async def clock_of(store: Store) -> datetime:
    seconds, micros = await store.command("TIME")
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))


async def test_a_fresh_store(store: Store) -> None:
    found = await RedisVitals(store).read(await clock_of(store))
    assert found.epoch is None
    assert not found.frozen
    assert found.holds == {"held": 0, "in_doubt": 0, "captured": 0, "lost": 0}
    assert found.oldest_due_seconds == 0


async def test_whose_it_is_and_whether_it_is_frozen(store: Store) -> None:
    await initialise(store, Identity("e1", "acme"))
    await store.command("HSET", keys.STORE, "frozen", "history lost")
    found = await RedisVitals(store).read(await clock_of(store))
    assert found.epoch == "e1"
    assert found.frozen


async def test_what_is_open_and_how_long_it_has_been_due(store: Store) -> None:
    now = await clock_of(store)
    due = {State.HELD: timedelta(seconds=30), State.IN_DOUBT: timedelta(seconds=90), State.CAPTURED: timedelta(hours=2)}
    for state, age in due.items():
        await store.command("ZADD", keys.OPEN[state], codec.micros(now - age), f"hold_{state}")
    await store.command("ZADD", keys.OPEN[State.HELD], codec.micros(now + timedelta(seconds=9)), "hold_running")

    found = await RedisVitals(store).read(now)

    assert found.holds == {"held": 2, "in_doubt": 1, "captured": 1, "lost": 0}
    # A running job is open for hours and owes nothing.
    assert found.oldest_due_seconds == 90


async def test_how_long_the_oldest_entry_has_waited_for_sql(store: Store) -> None:
    now = await clock_of(store)
    assert (await RedisVitals(store).read(now)).ledger_lag_seconds == 0
    for seq, age in enumerate((90, 60, 30), start=1):
        at = codec.micros(now - timedelta(seconds=age))
        await store.command("XADD", keys.ENTRIES, f"{seq}-0", "at", at)
    assert (await RedisVitals(store).read(now)).ledger_lag_seconds == 90
    for exported, lag in ((1, 60), (2, 30), (3, 0)):
        await store.command("HSET", keys.STORE, "exported", exported)
        assert (await RedisVitals(store).read(now)).ledger_lag_seconds == lag
    # A clock that is behind the one that wrote is no lead.
    await store.command("HSET", keys.STORE, "exported", 2)
    assert (await RedisVitals(store).read(now - timedelta(seconds=40))).ledger_lag_seconds == 0


async def test_a_hold_that_is_not_due_yet_is_not_overdue(store: Store) -> None:
    now = await clock_of(store)
    await store.command("ZADD", keys.OPEN[State.HELD], codec.micros(now + timedelta(seconds=9)), "hold_running")
    assert (await RedisVitals(store).read(now)).oldest_due_seconds == 0


async def test_the_skew_is_ours_minus_the_stores(store: Store) -> None:
    ahead = await clock_of(store) + timedelta(seconds=5)
    found = await RedisVitals(store).read(ahead)
    assert 4 < found.clock_skew_seconds <= 5


# What the store is.


@pytest.fixture
async def own_store() -> AsyncIterator[Store]:
    """A store that may be turned into what no store should be."""
    with running_store() as url:
        connection = connect(url)
        yield connection
        await connection.close()


async def condition(store: Store, off: timedelta = timedelta()) -> Condition:
    return await RedisVitals(store).condition(await clock_of(store) + off)


async def failing(store: Store) -> list[str]:
    return [finding.check for finding in failings(await condition(store), ())]


async def test_a_store_as_it_must_be(own_store: Store) -> None:
    found = await condition(own_store)
    assert list(failings(found, ())) == []
    assert (found.role, found.eviction, found.append_only, found.written) == ("master", "noeviction", True, True)
    assert found.version.startswith("7.2")
    assert len(found.run) == 40
    assert abs(found.skew) < timedelta(seconds=1)


async def test_it_is_given_our_scripts_and_given_them_again_when_it_forgets_them(own_store: Store) -> None:
    shas = [script.sha for script in NEEDED]
    for _ in range(2):
        await own_store.command("SCRIPT", "FLUSH")
        await condition(own_store)
        assert await own_store.command("SCRIPT", "EXISTS", *shas) == [1, 1]


async def test_a_store_that_does_not_take_our_scripts(own_store: Store) -> None:
    await own_store.command("ACL", "SETUSER", "poor", "on", "nopass", "~*", "+@all", "-script|load")
    await own_store.command("AUTH", "poor", "")
    assert await failing(own_store) == ["scripts"]


@pytest.mark.parametrize(
    ("setting", "value", "mended", "check"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", "keeps"),
        ("appendonly", "no", "yes", "durable"),
        ("maxmemory", "1", "0", "room"),
    ],
)
async def test_settings_that_forget_money(own_store: Store, setting: str, value: str, mended: str, check: str) -> None:
    await own_store.command("CONFIG", "SET", setting, value)
    assert await failing(own_store) == [check]
    await own_store.command("CONFIG", "SET", setting, mended)
    assert await failing(own_store) == []


async def test_memory_that_is_not_full_yet(own_store: Store) -> None:
    await own_store.command("CONFIG", "SET", "maxmemory", "1gb")
    assert await failing(own_store) == []


async def test_a_replica(own_store: Store) -> None:
    await own_store.command("REPLICAOF", "127.0.0.1", 1)
    assert await failing(own_store) == ["primary"]
    await own_store.command("REPLICAOF", "NO", "ONE")
    assert await failing(own_store) == []


async def test_clocks_that_differ(own_store: Store) -> None:
    ahead = await condition(own_store, timedelta(seconds=5))
    assert timedelta(seconds=4) < ahead.skew <= timedelta(seconds=5)
    [finding] = failings(ahead, ())
    assert finding.check == "clock"
