"""The answer to a hold's own submit outranks what the list had made of it."""

from datetime import timedelta

from gateway.adapters.redis.connection import Store
from gateway.core.ledger import Hold, State, Verb
from gateway.service.outbox import Intent, Outbox
from tests.doubles import MemorySpool
from tests.service.settling import PRICE, Settling, settling


async def answered(house: Settling, hold: Hold, job: str, cost: int = PRICE) -> None:
    """What a gateway does whose capture waited for the store, while the list settled its hold."""
    outbox = Outbox(house.ledger, MemorySpool(), house.clock)
    await outbox.move(Intent(Verb.CAPTURE, hold, job, cost))


async def test_the_hold_gets_the_job_it_was_answered_with_at_what_that_cost(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1")
    await house.round()
    assert (await house.found(hold)).job == "job_1"

    await answered(house, hold, "job_2", 300_000)

    found = await house.found(hold)
    assert (found.state, found.job, found.cost, found.matched) == (State.CAPTURED, "job_2", 300_000, "answer")
    assert await house.owed() == (300_000, 0, 1)
    (*_, entry) = await house.ledger.entries()
    assert (entry.kind, entry.facts["was_job"]) == ("rebound", "job_1")


async def test_the_other_job_is_nobodys_again(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1")
    await house.round()
    await answered(house, hold, "job_2")
    house.rounds = house.rounds_of(house.follow, house.settle, house.strays)
    await house.round()
    assert await house.ledger.owner("job_1") is None
    house.listed("job_2", 2, status="failed")
    await house.round()
    assert (await house.state(hold), await house.owed()) == (State.REFUNDED, (0, 0, 0))


async def test_it_is_the_answered_job_that_is_followed(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1")
    await house.round()
    await house.round()
    house.clock.advance(timedelta(seconds=1))
    await answered(house, hold, "job_2")
    house.listed("job_2", 2, status="completed")
    house.provider.made["job_1"].status = "failed"

    await house.round()

    assert (await house.state(hold), await house.owed()) == (State.FINISHED, (PRICE, 0, 0))


async def test_the_same_job_said_again_changes_nothing(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1")
    await house.round()
    before = await house.ledger.entries()
    await answered(house, hold, "job_1")
    assert await house.ledger.entries() == before


async def test_an_answer_is_outranked_by_no_second_one(store: Store) -> None:
    house = await settling(store)
    hold = await house.captured("h1", job="job_1")
    await answered(house, hold, "job_2")
    assert (await house.found(hold)).job == "job_1"
    assert await house.owed() == (PRICE, 0, 1)


async def test_what_has_ended_under_the_wrong_name_is_told_and_not_moved(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1", status="completed")
    await house.round()
    await house.round(1)
    assert await house.state(hold) is State.FINISHED
    await answered(house, hold, "job_2")
    assert ((await house.found(hold)).job, await house.owed()) == ("job_1", (PRICE, 0, 0))
    (*_, entry) = await house.ledger.entries()
    assert (entry.kind, entry.facts["job"]) == ("anomaly", "job_2")
