"""Refused submissions wait in a stream that has an upper bound, and leave nothing in a store that is not ours yet."""

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.refusals import RedisRefusals
from gateway.adapters.redis.stream import RedisStream
from tests.service.test_export import refusal


async def test_they_are_read_as_they_were_written(store: Store, ledger: RedisLedger) -> None:
    await RedisRefusals(store).add([refusal(1), refusal(2)])
    place, found = await RedisStream(store).refused("0-0", 10)
    assert found == (refusal(1), refusal(2))
    assert await RedisStream(store).refused(place, 10) == (place, ())


async def test_the_oldest_make_room(store: Store, ledger: RedisLedger) -> None:
    # A stream is cut in pieces of a hundred.
    refusals = RedisRefusals(store, most=100)
    for start in range(0, 1000, 50):
        await refusals.add([refusal(number) for number in range(start, start + 50)])
    _, found = await RedisStream(store).refused("0-0", 1000)
    assert 100 <= len(found) <= 300
    assert found[-1] == refusal(999)


async def test_a_store_without_an_epoch_stays_empty(store: Store) -> None:
    await RedisRefusals(store).add([refusal(1)])
    assert await store.command("EXISTS", keys.REFUSED) == 0
