"""Each team's list of jobs, page by page; and what is noted of jobs that run, and of nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Account
from gateway.core.ending import JobStatus
from gateway.core.job_list import JobPage, Place, Wanted
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand

NOW = datetime.now(UTC)


async def running(ledger: RedisLedger, hold_id: str = "h1") -> None:
    asked = admission(hold_id, demand(TEAM, 700_000, 10**9))
    await ledger.admit(asked, NOW)
    await ledger.move(Verb.CAPTURE, asked.hold, NOW, job=f"job of {hold_id}", cost=700_000)


async def test_what_is_noted_of_a_job_is_found_with_its_hold(store: Store, ledger: RedisLedger) -> None:
    await running(ledger)
    jobs = RedisJobs(store)
    found = await ledger.owner("job of h1")
    assert found is not None
    assert (found.status, found.cancelling_at) == (JobStatus.PENDING, None)

    await jobs.processing("h1")
    await jobs.cancelling("h1", NOW)

    found = await ledger.owner("job of h1")
    assert found is not None
    assert (found.status, found.cancelling_at) == (JobStatus.PROCESSING, NOW)
    assert found == await ledger.find("h1")


async def test_nothing_is_noted_of_what_has_ended_or_is_gone(store: Store, ledger: RedisLedger) -> None:
    await running(ledger)
    found = await ledger.owner("job of h1")
    assert found is not None
    await ledger.move(Verb.FINISH, found.hold, NOW)
    jobs = RedisJobs(store)
    for hold_id in ("h1", "h2"):
        await jobs.processing(hold_id)
        await jobs.cancelling(hold_id, NOW)

    found = await ledger.owner("job of h1")
    assert found is not None
    assert (found.status, found.cancelling_at) == (JobStatus.COMPLETED, None)
    assert await store.command("EXISTS", keys.hold("h2")) == 0


async def test_a_job_that_nobody_has_is_nobodys(ledger: RedisLedger) -> None:
    assert await ledger.owner("job of h1") is None


class Shelf:
    """Jobs of two teams, and what a reader of a list sees."""

    def __init__(self, store: Store, ledger: RedisLedger) -> None:
        self.jobs = RedisJobs(store)
        self.ledger = ledger
        self.made = 0

    async def add(self, at: int, *, team: str = "red", test: bool = False, **more: Any) -> str:
        """A job that was admitted at this microsecond."""
        self.made += 1
        when = NOW + timedelta(microseconds=at)
        asked = admission(f"h{self.made}", team=team, test=test, created_at=when, **more)
        await self.ledger.move(Verb.CAPTURE, asked.hold, NOW, job=f"j{self.made}", cost=0)
        return f"j{self.made}"

    async def page(self, team: str = "red", *, test: bool = False, **wanted: Any) -> JobPage:
        return await self.jobs.page(team, Wanted(**wanted), test=test)

    async def all(self, **wanted: Any) -> list[str]:
        """Every job of a list, page by page."""
        found: list[str] = []
        place: Place | None = None
        for _ in range(100):
            page = await self.page(after=place, **wanted)
            found += [row.job for row in page.rows]
            place = page.following
            if place is None:
                return found
        raise AssertionError("the list has no end")


@pytest.fixture
def shelf(store: Store, ledger: RedisLedger) -> Shelf:
    return Shelf(store, ledger)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 100])
async def test_pages_of_any_size_show_every_job_once_the_newest_first(shelf: Shelf, limit: int) -> None:
    """Some of one microsecond too."""
    made = [await shelf.add(at) for at in (5, 1, 3, 3, 3, 9, 1)]
    order = sorted(range(7), key=lambda n: ((5, 1, 3, 3, 3, 9, 1)[n], f"h{n + 1}"), reverse=True)
    assert await shelf.all(limit=limit) == [made[n] for n in order]


async def test_jobs_that_arrive_disturb_no_page(shelf: Shelf) -> None:
    old = [await shelf.add(at) for at in range(6)]
    first = await shelf.page(limit=2)
    await shelf.add(100)
    second = await shelf.page(limit=2, after=first.following)
    await shelf.add(101)
    third = await shelf.page(limit=2, after=second.following)
    seen = [row.job for page in (first, second, third) for row in page.rows]
    assert seen == old[::-1]
    assert third.following is None


async def test_a_full_last_page_says_that_it_is_the_last(shelf: Shelf) -> None:
    for at in range(4):
        await shelf.add(at)
    page = await shelf.page(limit=4)
    assert (len(page.rows), page.following) == (4, None)


async def test_another_teams_jobs_and_those_of_test_keys_are_in_lists_of_their_own(shelf: Shelf) -> None:
    ours, tested = await shelf.add(1), await shelf.add(2, test=True)
    theirs = await shelf.add(3, team="blue")
    assert [row.job for row in (await shelf.page()).rows] == [ours]
    assert [row.job for row in (await shelf.page(test=True)).rows] == [tested]
    assert [row.job for row in (await shelf.page("blue")).rows] == [theirs]
    assert (await shelf.page("green")).rows == ()


async def test_a_cursor_of_another_team_shows_nothing_of_it(shelf: Shelf) -> None:
    await shelf.add(1, team="blue")
    theirs = await shelf.page("blue", limit=1)
    ours = await shelf.add(0)
    place = theirs.rows[0].place
    assert [row.job for row in (await shelf.page(after=place)).rows] == [ours]


async def test_only_accepted_jobs_are_listed_with_what_was_last_learnt(shelf: Shelf) -> None:
    held = admission("held")
    await shelf.ledger.admit(held, NOW)
    void = admission("void")
    await shelf.ledger.move(Verb.VOID, void.hold, NOW)
    names = [await shelf.add(at) for at in range(4)]
    records = [await shelf.ledger.owner(name) for name in names]
    holds = [record.hold for record in records if record is not None]
    await shelf.ledger.move(Verb.FINISH, holds[0], NOW, facts={"status": "completed", "ended_at": NOW.isoformat()})
    await shelf.ledger.move(Verb.REFUND, holds[1], NOW, facts={"status": "cancelled"})
    await shelf.jobs.processing(holds[2].id)
    rows = {row.job: (row.status, row.ended_at) for row in (await shelf.page()).rows}
    assert rows == {
        names[0]: (JobStatus.COMPLETED, NOW),
        names[1]: (JobStatus.CANCELLED, None),
        names[2]: (JobStatus.PROCESSING, None),
        names[3]: (JobStatus.PENDING, None),
    }


async def test_what_is_wanted_is_found_however_deep_and_a_page_looks_at_so_many_at_most(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.redis.jobs._AT_ONCE", 3)
    monkeypatch.setattr("gateway.adapters.redis.jobs._BATCHES", 2)
    rare = [await shelf.add(at, model="rare/model" if at in (0, 7, 8, 19) else "a/b") for at in range(20)]
    first = await shelf.page(limit=5, model="rare/model")
    assert ([row.job for row in first.rows], first.following is None) == ([rare[19]], False)
    for limit in (1, 2, 20):
        assert await shelf.all(limit=limit, model="rare/model") == [rare[n] for n in (19, 8, 7, 0)]
        assert await shelf.all(limit=limit, model="no/such", status=JobStatus.PENDING) == []
        assert await shelf.all(limit=limit, status=JobStatus.FAILED) == []
        assert len(await shelf.all(limit=limit, status=JobStatus.PENDING)) == 20


async def test_where_the_last_job_of_a_page_is_gone_the_list_goes_on_behind_it(store: Store, shelf: Shelf) -> None:
    for at in range(4):
        await shelf.add(at)
    first = await shelf.page(limit=2)
    assert first.following is not None
    await store.command("ZREM", keys.jobs_of("red", test=False), first.following.hold)
    rest = await shelf.page(limit=2, after=first.following)
    assert [row.job for row in rest.rows] == ["j2", "j1"]


async def test_a_hold_that_is_gone_leaves_a_gap_and_ends_nothing(store: Store, shelf: Shelf) -> None:
    for at in range(5):
        await shelf.add(at)
    await store.command("DEL", keys.hold("h3"))
    assert await shelf.all(limit=2) == ["j5", "j4", "j2", "j1"]


@pytest.mark.parametrize("test", [False, True])
async def test_an_upload_is_its_teams_for_a_day(store: Store, shelf: Shelf, test: bool) -> None:
    jobs = shelf.jobs
    assert await jobs.bind_upload("u1", "red", test=test)
    assert await jobs.bind_upload("u1", "red", test=test)
    assert not await jobs.bind_upload("u1", "blue", test=test)
    assert not await jobs.bind_upload("u1", "red", test=not test)
    assert await jobs.owns_upload("u1", "red", test=test)
    for team, other in (("blue", test), ("red", not test), ("test:red", False)):
        assert not await jobs.owns_upload("u1", team, test=other)
    assert not await jobs.owns_upload("u2", "red", test=test)
    assert 86_000 < await store.client.ttl(keys.upload("u1")) <= 86_400


async def test_when_jobs_of_an_account_may_end(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that run and hold a place on it, by what the upstream said when it took them."""
    other = Account(RUNNING.scope, "red-2", RUNNING.limit, RUNNING.meter, RUNNING.window)
    for n, (account, said) in enumerate([(RUNNING, 9), (other, 3), (RUNNING, 5), (RUNNING, None), (RUNNING, 1)], 1):
        asked = admission(f"h{n}", demand(account, 1, 10), created_at=NOW)
        facts = {} if said is None else {"estimated_at": (NOW + timedelta(minutes=said)).isoformat()}
        when = NOW + timedelta(seconds=n)
        await shelf.ledger.move(Verb.CAPTURE, asked.hold, when, job=f"j{n}", cost=0, facts=facts)
        if n == 5:
            await shelf.ledger.move(Verb.FINISH, asked.hold, when)
    assert await shelf.jobs.ends(RUNNING) == (NOW + timedelta(minutes=9), NOW + timedelta(minutes=5))
    assert await shelf.jobs.ends(other) == (NOW + timedelta(minutes=3),)
    monkeypatch.setattr("gateway.adapters.redis.jobs._LOOKED_AT", 2)
    assert await shelf.jobs.ends(RUNNING) == (NOW + timedelta(minutes=9),)
