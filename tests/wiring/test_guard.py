"""What the guard is made of: a memory that outlives the process, and a look at each new connection."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.core.admission import Closed
from gateway.core.history import Memory
from gateway.core.ledger import Verb
from gateway.ports import StoreRefused, StoreUnavailable
from gateway.wiring.guard import greeting
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.service.gatehouse import Gatehouse

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
