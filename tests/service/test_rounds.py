"""One walk serves all who look for something, under a lease, and the quieter it is the longer it rests."""

from datetime import timedelta

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.leases import RedisLeases
from gateway.core.ledger import State
from tests.service.provider import error
from tests.service.settling import Settling, settling


async def test_nothing_open_costs_no_call(store: Store) -> None:
    house = await settling(store)
    for _ in range(20):
        await house.round()
    assert house.provider.asked == []
    assert set(house.rested) == {2.0}


async def test_one_walk_serves_all(store: Store) -> None:
    house = await settling(store)
    running, doubted = await house.captured("h1"), await house.doubted("h2", 40, team="blue")
    house.listed("job_h1", status="completed")
    house.listed("job_2", 41)
    await house.round()
    assert house.provider.asked == ["/v1/jobs?limit=100"]
    assert [await house.state(one) for one in (running, doubted)] == [State.FINISHED, State.CAPTURED]


async def test_without_news_it_rests_longer_and_with_news_it_is_back_at_once(store: Store) -> None:
    house = await settling(store)
    await house.captured("h1")
    house.listed("job_h1")
    for _ in range(6):
        await house.round()
    assert house.rested == [4, 8, 16, 30, 30, 30]
    house.provider.made["job_h1"].status = "completed"
    await house.captured("h2")
    house.listed("job_h2")
    await house.round()
    assert house.rested[-1] == 2


async def test_a_429_is_obeyed(store: Store) -> None:
    house = await settling(store)
    await house.captured("h1")
    house.provider.answers.append(error(429, "CONCURRENT_JOBS_EXCEEDED", retryAfter=120))
    await house.round()
    assert house.provider.asked == ["/v1/jobs?limit=100"], "not even to ask about the job alone"
    assert house.rested[-1] >= 120


async def test_while_one_has_the_lease_the_others_rest(store: Store) -> None:
    house = await settling(store)
    hold = await house.captured("h1")
    house.listed("job_h1", status="completed")
    other = Settling(house.store, house.ledger, name="two", clock=house.clock)
    assert await RedisLeases(store).take("rounds:real", "two", 60)
    await house.round()
    assert house.provider.asked == []
    await store.command("DEL", "{toll}:lease:rounds:real")
    await house.round()
    assert await house.state(hold) is State.FINISHED
    await other.round()
    assert other.provider.asked == []


async def test_two_that_both_believe_to_have_it_do_no_harm(store: Store) -> None:
    house = await settling(store)
    hold = await house.captured("h1")
    house.listed("job_h1", status="failed")
    other = Settling(house.store, house.ledger, name="two", provider=house.provider, clock=house.clock)
    await house.rounds.round()
    await other.rounds.round()
    assert await house.state(hold) is State.REFUNDED
    assert await house.owed() == (0, 0, 0)
    assert [entry.kind for entry in await house.ledger.entries()] == ["hold", "captured", "refunded"]


async def test_trouble_is_no_end(store: Store) -> None:
    house = await settling(store)
    hold = await house.captured("h1")
    house.listed("job_h1", status="completed")
    for _ in range(3):
        house.provider.answers.append(error(500, "INTERNAL_ERROR"))
    house.clock.advance(timedelta(minutes=1))
    await house.rounds()
    assert await house.state(hold) is State.CAPTURED
