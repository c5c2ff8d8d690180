"""A job of the upstream account that nobody owns is written down and told, once, and not before it is old enough."""

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.findings import RedisFindings
from gateway.core.ledger import Entry
from gateway.ports import Unanswered
from tests.doubles import NOON
from tests.service.settling import Settling, settling


async def watching(store: Store) -> Settling:
    """After the first round, which sets the mark."""
    house = await settling(store)
    house.rounds = house.rounds_of(house.strays)
    await house.round()
    return house


async def told(house: Settling) -> list[Entry]:
    return [entry for entry in await house.ledger.entries() if entry.kind == "unowned_job"]


async def test_a_job_that_nobody_owns_is_written_down_once(store: Store) -> None:
    house = await watching(store)
    house.listed("stray", 60)
    for _ in range(10):
        await house.round(5)
    found = [(entry.hold, entry.facts["model"]) for entry in await told(house)]
    assert found == [("stray", house.provider.made["stray"].model)]
    assert b"tollhouse_unowned_jobs_total 1.0" in house.telemetry.render(None)


async def test_it_has_a_quarter_of_an_hour_to_find_its_hold(store: Store) -> None:
    house = await watching(store)
    house.listed("young", 60)
    await house.round(6)
    await house.round(6)
    assert await told(house) == []
    await house.captured("h1", 59, "young")
    await house.round(6)
    await house.round(6)
    assert await told(house) == []


async def test_what_was_there_before_the_first_look_is_nobodys_business(store: Store) -> None:
    house = await settling(store)
    house.rounds = house.rounds_of(house.strays)
    house.listed("old", -3600)
    for _ in range(6):
        await house.round(6)
    assert await told(house) == []


async def test_it_looks_every_five_minutes_and_only_back_to_its_mark(store: Store) -> None:
    house = await watching(store)
    for n in range(3000):
        house.listed(f"old_{n}", -3600 - n)
    for _ in range(120):
        await house.round(0.5)
    assert 10 <= len(house.provider.asked) <= 13


async def test_a_walk_that_failed_leaves_the_mark_where_it_was(store: Store) -> None:
    house = await watching(store)
    mark = await RedisFindings(store).watermark("real")
    assert mark == NOON
    house.listed("stray", 60)
    for _ in range(5):
        house.provider.answers.append(Unanswered("no answer in time"))
        await house.round(6)
    assert await RedisFindings(store).watermark("real") == mark
    await house.round(6)
    assert len(await told(house)) == 1


async def test_whoever_looks_next_goes_on_from_the_mark(store: Store) -> None:
    house = await watching(store)
    house.listed("stray", 60)
    for _ in range(4):
        await house.round(6)
    after = Settling(house.store, house.ledger, provider=house.provider, clock=house.clock)
    after.rounds = after.rounds_of(after.strays)
    house.listed("second", 1800)
    for _ in range(10):
        await after.round(10)
    assert sorted(entry.hold for entry in await told(house)) == ["second", "stray"]
