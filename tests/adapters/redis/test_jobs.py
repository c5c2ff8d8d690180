"""What is noted of jobs that run: never on a hold that has ended, and nothing is made of one that is gone."""

from datetime import UTC, datetime

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.ending import JobStatus
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import TEAM, admission, demand

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


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
