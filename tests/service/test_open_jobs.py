"""What is open is read once for all who follow it, and no further than it can be looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.ledger import State, Verb
from gateway.ports import IndexedHolds
from gateway.service.open_jobs import OpenJobs
from tests.service.settling import Settling, settling


@pytest.fixture
async def house(store: Store) -> Settling:
    return await settling(store)


@dataclass
class Counted:
    """An index that notes how far it was read."""

    holds: IndexedHolds
    read: list[tuple[State, int | None]] = field(default_factory=list)

    async def indexed(self, state: State, limit: int | None = None) -> Mapping[str, datetime]:
        self.read.append((state, limit))
        return await self.holds.indexed(state, limit)


def counted(house: Settling) -> tuple[OpenJobs, Counted]:
    index = Counted(house.follow.open_jobs.holds)
    return OpenJobs(index, house.ledger, house.clock), index


async def test_whoever_looks_a_moment_later_sees_the_same_without_reading(house: Settling) -> None:
    open_jobs, index = counted(house)
    await house.captured("h1")
    await open_jobs.look()
    await house.captured("h2")
    await open_jobs.look()
    assert [job.id for job in open_jobs.jobs] == ["job_h1"]
    assert len(index.read) == 2, "each state once"
    house.clock.advance(timedelta(seconds=1.5))
    await open_jobs.look()
    assert {job.id for job in open_jobs.jobs} == {"job_h1", "job_h2"}


async def test_what_ended_or_was_lost_meanwhile_is_told_as_it_is(house: Settling) -> None:
    open_jobs, _ = counted(house)
    ended, lost = await house.captured("h1"), await house.captured("h2")
    await open_jobs.look()
    assert [job.lost for job in open_jobs.jobs] == [False, False]
    house.clock.advance(timedelta(seconds=2))
    await house.ledger.move(Verb.FINISH, ended, house.clock.now())
    await house.ledger.move(Verb.LOSE, lost, house.clock.now())
    await open_jobs.look()
    assert [(job.id, job.lost) for job in open_jobs.jobs] == [("job_h2", True)]


async def test_no_more_is_read_than_can_be_looked_up(house: Settling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.service.open_jobs._LOOKED_UP", 2)
    open_jobs, index = counted(house)
    for n in range(5):
        await house.captured(f"h{n}", n)
    seen = []
    for _ in range(4):
        await open_jobs.look()
        seen.append((len(open_jobs.jobs), open_jobs.behind))
        house.clock.advance(timedelta(seconds=2))
    assert seen == [(2, True), (4, True), (5, False), (5, False)]
    assert [limit for state, limit in index.read if state is State.CAPTURED] == [3, 5, 7, 8]
