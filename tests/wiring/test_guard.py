"""What the guard is made of: a memory that outlives the process, and a look at each new connection."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.core.admission import Closed
from gateway.core.history import Memory
from gateway.core.ledger import Verb
from gateway.core.remains import Remains
from gateway.ports import StoreRefused, StoreUnavailable
from gateway.wiring.guard import greeting, recover
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.adapters.redis.waiting import until
from tests.service.gatehouse import Gatehouse
from tests.store import running_store

NOW = datetime.now(UTC)


async def test_a_new_connection_to_the_store_we_know(store: Store) -> None:
    await open_ledger(store)
    house = Gatehouse(store)
    await greeting(house.fence)(store.client.execute_command)
    assert house.fence.sighting is not None
    assert house.fence.sighting.epoch == "e1"


async def test_a_new_connection_to_a_store_that_lost_history_freezes_it_before_anything_passes(store: Store) -> None:
    ledger = await open_ledger(store)
    house = Gatehouse(store, memory=Memory("e1", 5))
    await greeting(house.fence)(store.client.execute_command)
    assert await store.command("HGET", keys.STORE, "epoch") == b"e1.2"
    assert await house.ledger.admit(admission("h1", demand(TEAM, 1, 9)), NOW) == Closed("frozen")
    assert await ledger.admit(admission("h1", demand(TEAM, 1, 9)), NOW) == Closed("frozen")


async def test_a_new_connection_to_a_store_of_others_is_none(store: Store) -> None:
    await open_ledger(store)
    house = Gatehouse(store)
    await store.command("HSET", keys.STORE, "organization", "initech")
    with pytest.raises(StoreUnavailable, match='the organization "initech"'):
        await greeting(house.fence)(store.client.execute_command)


async def test_what_is_asked_first_on_a_new_connection_meets_a_frozen_store(store: Store, store_url: str) -> None:
    """No hold can slip in between the connection and the look at it."""
    await open_ledger(store)
    connection = connect(store_url)
    house = Gatehouse(connection, memory=Memory("e1", 5))
    connection.greet = greeting(house.fence)
    try:
        asked = admission("h1", demand(TEAM, 1, 9))
        replies = await asyncio.gather(*(house.ledger.admit(asked, NOW) for _ in range(5)))
        assert set(replies) <= {Closed("epoch"), Closed("frozen")}
        assert await store.command("XLEN", keys.ENTRIES) == 0
        assert house.ledger.memory.epoch == "e1.2"
    finally:
        await connection.close()


async def test_a_connection_to_a_store_of_others_carries_nothing(store: Store, store_url: str) -> None:
    await open_ledger(store)
    await store.command("HSET", keys.STORE, "organization", "initech")
    connection = connect(store_url)
    house = Gatehouse(connection)
    connection.greet = greeting(house.fence)
    try:
        with pytest.raises(StoreRefused, match="initech"):
            await house.ledger.move(Verb.VOID, admission("h1", demand(TEAM, 1, 9)).hold, NOW)
        assert await house.failing() == ["store"]
    finally:
        await connection.close()


async def test_a_new_connection_to_an_empty_store_is_let_be(store: Store) -> None:
    house = Gatehouse(store)
    await greeting(house.fence)(store.client.execute_command)
    assert await store.command("DBSIZE") == 0


# What a start settles, and when.


class Settling:
    """Stands for `Recovery`: fails as often as it is told, and keeps what it was told of the store."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.told: list[bool] = []

    async def __call__(self, remains: Remains, *, history_lost: bool) -> None:
        if self.fails > 0:
            self.fails -= 1
            raise StoreUnavailable("not now")
        self.told.append(history_lost)


async def test_a_start_settles_what_was_left_at_once(store: Store) -> None:
    await open_ledger(store)
    house, recovery = Gatehouse(store), Settling()
    await house.guard.look()
    assert await recover(house.guard, recovery, Remains()) is None
    assert recovery.told == [False]


async def test_a_start_says_when_history_was_lost(store: Store) -> None:
    await open_ledger(store)
    for memory in (Memory("e1", 5), Memory("e1.1", 0)):
        house, recovery = Gatehouse(store, memory=memory), Settling()
        await house.guard.look()
        assert await recover(house.guard, recovery, Remains()) is None
        assert recovery.told == [True]


async def test_a_sound_store_that_does_not_answer_now_ends_the_start(store: Store) -> None:
    await open_ledger(store)
    house = Gatehouse(store)
    await house.guard.look()
    with pytest.raises(StoreUnavailable):
        await recover(house.guard, Settling(fails=1), Remains())


async def test_what_a_store_takes_not_now_is_settled_when_it_does() -> None:
    with running_store() as url:
        own = connect(url)
        await open_ledger(own)
        house, recovery = Gatehouse(own), Settling()
        await own.command("REPLICAOF", "127.0.0.1", 1)
        await house.guard.look()
        # A store whose history nobody has looked at is asked for nothing.
        later = await recover(house.guard, recovery, Remains())
        assert later is not None
        await later()
        assert recovery.told == []
        await own.command("REPLICAOF", "NO", "ONE")
        await house.guard.look()
        settling = asyncio.ensure_future(later())
        await until(lambda: recovery.told == [False])
        assert not settling.done()
        settling.cancel()
        await own.close()
