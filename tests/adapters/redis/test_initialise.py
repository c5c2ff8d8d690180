"""The epoch is made once, on a store that has nothing; an emptied store is closed, not generous."""

import asyncio

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, identity, initialise, leftover
from gateway.ports import StoreUnavailable

OURS = Identity("e1", "acme")


async def test_a_fresh_store_is_nobodys(store: Store) -> None:
    assert await identity(store) is None


async def test_the_first_start_makes_it_ours_for_good(store: Store) -> None:
    assert await initialise(store, OURS) == OURS
    assert await identity(store) == OURS
    assert await initialise(store, Identity("e2", "other")) == OURS
    assert await identity(store) == OURS


async def test_of_several_starting_at_once_all_get_the_same(store: Store) -> None:
    wishes = [Identity(f"e{number}", "acme") for number in range(20)]
    got = await asyncio.gather(*(initialise(store, wish) for wish in wishes))
    assert len(set(got)) == 1
    assert got[0] in wishes


@pytest.mark.parametrize("lost", ["epoch", "all of it"])
async def test_a_store_that_lost_its_epoch_is_not_started_afresh(store: Store, lost: str) -> None:
    await initialise(store, OURS)
    await store.command("XADD", keys.ENTRIES, "1-0", "kind", "hold")
    if lost == "epoch":
        await store.command("HDEL", keys.STORE, "epoch")
    else:
        await store.command("DEL", keys.STORE)
    assert await identity(store) is None
    with pytest.raises(StoreUnavailable):
        await initialise(store, OURS)


async def test_what_is_left_in_a_store_besides_its_identity(store: Store) -> None:
    assert await leftover(store) is None
    await initialise(store, OURS)
    await store.command("HSET", keys.GATEWAYS, "one", "1 2 3")
    await store.command("SET", "somebody else's", "1")
    assert await leftover(store) is None
    for number in range(3_000):
        await store.command("SET", f"other:{number}", "1")
    await store.command("SET", keys.digest("d1"), "key_1")
    assert await leftover(store) == keys.digest("d1")
    await store.command("FLUSHALL")
