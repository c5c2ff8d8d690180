"""What the store says of itself: whose it is, what is open and since when, and how far our clock is off."""

from datetime import UTC, datetime, timedelta

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.vitals import RedisVitals
from gateway.core.ledger import State


async def clock_of(store: Store) -> datetime:
    seconds, micros = await store.command("TIME")
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))


async def test_a_fresh_store(store: Store) -> None:
    found = await RedisVitals(store).read(await clock_of(store))
    assert found.epoch is None
    assert not found.frozen
    assert found.holds == {"held": 0, "in_doubt": 0, "captured": 0}
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

    assert found.holds == {"held": 2, "in_doubt": 1, "captured": 1}
    # A running job is open for hours and owes nothing.
    assert found.oldest_due_seconds == 90


async def test_a_hold_that_is_not_due_yet_is_not_overdue(store: Store) -> None:
    now = await clock_of(store)
    await store.command("ZADD", keys.OPEN[State.HELD], codec.micros(now + timedelta(seconds=9)), "hold_running")
    assert (await RedisVitals(store).read(now)).oldest_due_seconds == 0


async def test_the_skew_is_ours_minus_the_stores(store: Store) -> None:
    ahead = await clock_of(store) + timedelta(seconds=5)
    found = await RedisVitals(store).read(ahead)
    assert 4 < found.clock_skew_seconds <= 5
