"""Accepted jobs are followed to their end, by as few calls as there are pages; alone where none shows them."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.core.ledger import State, Verb
from gateway.core.recall import HoldRecord
from gateway.core.reply import Reply
from gateway.service.open_jobs import OpenJobs
from tests.core.test_evidence import hold
from tests.doubles import NOON
from tests.service.provider import error
from tests.service.settling import PRICE, Settling, settling


@pytest.fixture
async def house(store: Store) -> Settling:
    return await settling(store)


@pytest.mark.parametrize(
    ("status", "state", "posted"),
    [("completed", State.FINISHED, PRICE), ("failed", State.REFUNDED, 0), ("cancelled", State.REFUNDED, 0)],
)
async def test_an_end_that_the_list_shows_is_booked(house: Settling, status: str, state: State, posted: int) -> None:
    hold = await house.captured("h1")
    house.listed("job_h1", status=status)

    await house.round()

    assert await house.state(hold) is state
    assert await house.owed() == (posted, 0, 0)
    (*_, entry) = await house.ledger.entries()
    assert (entry.facts["source"], entry.facts["status"]) == ("poll", status)


async def test_a_job_that_runs_is_left_alone(house: Settling) -> None:
    hold = await house.captured("h1")
    house.listed("job_h1", status="archived")
    for _ in range(5):
        await house.round(1)
    assert await house.state(hold) is State.CAPTURED
    assert len(await house.ledger.entries()) == 2


async def test_what_the_list_does_not_show_is_asked_about_alone(house: Settling) -> None:
    hold = await house.captured("h1")
    house.listed("job_h1", status="failed", hidden=True)
    await house.round()
    assert house.provider.asked[-1] == "/v1/jobs/job_h1"
    assert await house.state(hold) is State.REFUNDED


async def test_a_job_deep_in_the_list_is_not_walked_to(house: Settling) -> None:
    """A page costs as much as a question."""
    hold = await house.captured("h1", -3600)
    house.listed("job_h1", -3599, status="completed")
    for n in range(5000):
        house.listed(f"done_{n}", n / 10, status="completed")

    await house.round()

    assert await house.state(hold) is State.FINISHED
    assert len(house.provider.asked) <= 4


async def test_many_jobs_behind_many_that_ended_are_walked_to(house: Settling) -> None:
    for n in range(200):
        await house.captured(f"h{n}", -60)
        house.listed(f"job_h{n}", -59, status="completed")
    for n in range(1000):
        house.listed(f"done_{n}", n / 10, status="completed")

    await house.round()

    assert house.provider.lists() == len(house.provider.asked) <= 13
    assert await house.owed() == (200 * PRICE, 0, 0)


async def test_a_job_is_asked_about_less_and_less_often(house: Settling) -> None:
    await house.captured("h1")
    house.listed("job_h1", hidden=True)
    for _ in range(120):
        await house.round(0.5)
    assert 20 <= house.provider.asked.count("/v1/jobs/job_h1") <= 32, "two hours"


async def test_an_awaited_cancel_is_not_overtaken(house: Settling) -> None:
    hold = await house.captured("h1")
    house.listed("job_h1", status="cancelled")
    await RedisJobs(house.store).cancelling(hold.id, house.clock.now())
    await house.round()
    assert await house.state(hold) is State.CAPTURED

    await house.round(1)
    assert await house.state(hold) is State.REFUNDED


async def test_a_job_unknown_for_an_hour_is_lost(house: Settling) -> None:
    hold = await house.captured("h1")
    await house.round()
    await house.round(58)
    assert await house.state(hold) is State.CAPTURED
    await house.round(5)

    found = await house.found(hold)
    assert (found.state, found.cause) == (State.LOST, "unknown upstream for an hour")
    assert await house.owed() == (PRICE, 0, 0)


async def test_an_answer_that_knows_the_job_starts_the_hour_anew(house: Settling) -> None:
    hold = await house.captured("h1")
    await house.round()
    house.listed("job_h1", hidden=True)
    await house.round(40)
    house.provider.made.clear()
    await house.round(30)
    await house.round(50)
    assert await house.state(hold) is State.CAPTURED
    await house.round(20)
    assert await house.state(hold) is State.LOST


@pytest.mark.parametrize("failure", [error(404, "NOT_FOUND"), error(403, "UNAUTHORIZED_ACCESS"), error(500, "X")])
async def test_only_the_documented_words_say_that_a_job_is_unknown(house: Settling, failure: Reply) -> None:
    hold = await house.captured("h1")
    for _ in range(30):
        house.provider.answers.extend([None, failure])
        await house.round(10)
    assert await house.state(hold) is State.CAPTURED


async def test_a_job_that_runs_for_a_day_is_lost_and_its_end_still_counts(house: Settling) -> None:
    hold = await house.captured("h1")
    house.listed("job_h1")
    await house.round(24 * 60 - 1)
    assert await house.state(hold) is State.CAPTURED
    await house.round(2)
    assert ((await house.found(hold)).state, (await house.found(hold)).cause) == (State.LOST, "no end after 24 hours")
    assert await house.owed() == (PRICE, 0, 0)

    house.provider.made["job_h1"].status = "failed"
    await house.round(61)
    assert await house.state(hold) is State.REFUNDED
    assert await house.owed() == (0, 0, 0)


async def test_a_lost_job_costs_no_walk_and_a_question_an_hour(house: Settling) -> None:
    hold = await house.captured("h1")
    await house.ledger.move(Verb.LOSE, hold, house.clock.now())
    house.listed("job_h1", hidden=True)
    for _ in range(120):
        await house.round(2)
    assert house.provider.lists() == 0
    assert 4 <= len(house.provider.asked) <= 14, "four hours, after the first few tries"


async def test_a_429_is_obeyed_by_questions_too(house: Settling) -> None:
    for n in range(30):
        await house.captured(f"h{n}")
    house.provider.answers.extend([None, *([error(429, "CONCURRENT_JOBS_EXCEEDED", retryAfter=90)] * 30)])
    await house.round()
    assert len(house.provider.asked) == 1 + 8, "those already under way, and no more"
    assert house.rested[-1] >= 90


class Shelf:
    """Ten thousand running holds, to be read and nothing else."""

    def __init__(self, records: list[HoldRecord]) -> None:
        self.records = {record.hold.id: record for record in records}

    async def indexed(self, state: State, limit: int | None = None) -> Mapping[str, datetime]:
        return dict.fromkeys(self.records, NOON) if state is State.CAPTURED else {}

    async def find(self, hold_id: str) -> HoldRecord | None:
        return self.records[hold_id]


async def test_ten_thousand_running_jobs_cost_about_a_hundred_calls_a_round(
    house: Settling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.service.open_jobs._LOOKED_UP", 10_000)
    records = []
    for n in range(10_000):
        at = n / 100
        house.listed(f"job_{n}", at + 1)
        held = hold(f"h{n}", at)
        records.append(HoldRecord(held, State.CAPTURED, f"job_{n}", PRICE))
    shelf: Any = Shelf(records)
    house.follow.open_jobs, house.follow.ledger = OpenJobs(shelf, shelf, house.clock), shelf
    house.rounds = house.rounds_of(house.follow)

    await house.round()

    assert len(house.provider.asked) == house.provider.lists() == 100
    assert house.rested[-1] >= 10, "a hundred calls are not made again at once"


async def test_so_many_are_looked_up_in_a_round_and_the_rest_soon(
    house: Settling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.service.open_jobs._LOOKED_UP", 2)
    for n in range(5):
        await house.captured(f"h{n}", n)
        house.listed(f"job_h{n}", n + 1)
    followed = []
    for _ in range(4):
        await house.round()
        followed.append(len(house.follow.jobs))
    assert followed == [2, 4, 5, 5]
    assert house.rested[:2] == [2, 2]


async def test_a_page_teaches_as_many_ends_as_it_shows(house: Settling) -> None:
    await asyncio.gather(*(house.captured(f"h{n}", n / 100) for n in range(300)))
    for n in range(300):
        house.listed(f"job_h{n}", n / 100, status="completed" if n % 3 else "failed")
    await house.round()
    assert len(house.provider.asked) == house.provider.lists() == 3
    assert await house.owed() == (200 * PRICE, 0, 0)


async def test_a_restart_forgets_nothing_that_matters(house: Settling) -> None:
    hold = await house.captured("h1")
    house.listed("job_h1", status="completed")
    house.clock.advance(timedelta(minutes=2))
    after = Settling(house.store, house.ledger, name="two", provider=house.provider, clock=house.clock)
    await after.round()
    assert await house.state(hold) is State.FINISHED
