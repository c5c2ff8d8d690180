"""What the guard is made of: a memory that outlives the process, and a look at each new connection."""

from datetime import UTC, datetime

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.admission import Closed
from gateway.core.history import Kept, Memory, Witness
from gateway.ports import StoreUnavailable
from gateway.wiring.guard import greeting, remember
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.service.gatehouse import Gatehouse

NOW = datetime.now(UTC)
KEPT = Kept("acme", Memory("e1", 5, Witness("e1", 4, "h4"), 5))


async def test_a_ledger_goes_on_from_what_was_kept_and_what_the_spool_saw(store: Store) -> None:
    ledger = RedisLedger(store, "e1")
    remember(ledger, None, (Witness("e1", 7, "h7"),))
    assert ledger.memory == Memory("e1")
    remember(ledger, KEPT, (Witness("e1", 7, "h7"), Witness("e0", 9, "h9")))
    assert ledger.memory == Memory("e1", 7, Witness("e1", 7, "h7"), 9)


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


async def test_a_new_connection_to_an_empty_store_is_let_be(store: Store) -> None:
    house = Gatehouse(store)
    await greeting(house.fence)(store.client.execute_command)
    assert await store.command("DBSIZE") == 0
