"""A lease is one holder's until it ends by itself."""

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.leases import RedisLeases


async def test_one_holder_has_it_and_may_keep_it(store: Store) -> None:
    await initialise(store, Identity("e1", "acme"))
    leases = RedisLeases(store)
    assert await leases.take("rounds", "a", 60)
    assert not await leases.take("rounds", "b", 60)
    assert await leases.take("rounds", "a", 120)
    assert 100_000 < await store.client.pttl(keys.lease("rounds")) <= 120_000


async def test_who_leaves_lets_the_next_one_in_and_nobody_elses_go(store: Store) -> None:
    await initialise(store, Identity("e1", "acme"))
    leases = RedisLeases(store)
    await leases.leave("rounds", "a")
    assert await leases.take("rounds", "a", 60)
    await leases.leave("rounds", "b")
    assert not await leases.take("rounds", "b", 60)
    await leases.leave("rounds", "a")
    assert await leases.take("rounds", "b", 60)


async def test_it_ends_by_itself(store: Store) -> None:
    await initialise(store, Identity("e1", "acme"))
    leases = RedisLeases(store)
    assert await leases.take("rounds", "a", 0.001)
    while await store.command("EXISTS", keys.lease("rounds")):
        pass
    assert await leases.take("rounds", "b", 60)


async def test_each_work_has_a_lease_of_its_own(store: Store) -> None:
    await initialise(store, Identity("e1", "acme"))
    leases = RedisLeases(store)
    assert await leases.take("rounds", "a", 60)
    assert await leases.take("walks", "b", 60)


async def test_an_emptied_store_stays_empty(store: Store) -> None:
    """Else nobody could tell any more that it was emptied, and begin it anew."""
    assert not await RedisLeases(store).take("rounds", "a", 60)
    assert await store.command("DBSIZE") == 0
