import random
from datetime import timedelta

import pytest

from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Job
from gateway.sandbox.orders import Order, read_order
from gateway.sandbox.replies import Refusal
from gateway.sandbox.world import Offer, SandboxConfig, World, accept, advance, cancel, offer, summary
from tests.sandbox.visit import SLUG, StillClock


def a_world(config: SandboxConfig | None = None) -> World:
    return World(config or SandboxConfig(), StillClock(), random.Random(7))


def an_order(**given: object) -> Order:
    read = read_order({"model": SLUG, "input": given})
    assert isinstance(read, Order)
    return read


def a_job(world: World, faults: Faults | None = None, **given: object) -> Job:
    job = accept(world, an_order(**given), faults or world.faults, "req_1")
    assert isinstance(job, Job), job
    return job


def refusal(world: World, faults: Faults | None = None) -> Refusal:
    refused = accept(world, an_order(), faults or world.faults, "req_1")
    assert isinstance(refused, Refusal)
    return refused


def after(world: World, seconds: float) -> None:
    advance(world, world.clock() + timedelta(seconds=seconds))


def test_an_accepted_job_is_charged() -> None:
    world = a_world()
    job = a_job(world, duration=10)
    assert (job.cost, job.seconds, world.account.charged) == (700_000, 10, 700_000)
    assert world.jobs.by_id[job.id] is job


def test_a_refused_one_changes_nothing() -> None:
    world = a_world()
    assert isinstance(accept(world, an_order(duration=7), world.faults, "req_1"), Refusal)
    assert (world.account.charged, world.jobs.in_order) == (0, [])


def test_an_offer_changes_nothing() -> None:
    world = a_world()
    offered = offer(world, an_order(), world.faults)
    assert isinstance(offered, Offer)
    assert (offered.full, offered.amount, world.account.charged) == (350_000, 350_000, 0)


def test_a_failed_job_is_refunded_once_and_a_completed_one_never() -> None:
    world = a_world()
    a_job(world, Faults(failure_rate=1))
    a_job(world)
    after(world, 4.9)
    assert world.account.refunded == 0
    after(world, 5)
    after(world, 50)
    assert (world.account.charged, world.account.refunded) == (700_000, 350_000)


def test_a_cancelled_job_returns_its_charge_and_does_not_fail_later() -> None:
    world = a_world()
    job = a_job(world, Faults(failure_rate=1))
    assert cancel(world, job, world.clock()) == 350_000
    again = cancel(world, job, world.clock())
    assert isinstance(again, Refusal)
    assert again.code == "JOB_CANNOT_BE_CANCELLED"
    after(world, 50)
    assert (world.account.refunded, world.jobs.active) == (350_000, 0)


def test_the_failure_rate_is_a_share() -> None:
    world = a_world()
    for _ in range(400):
        a_job(world, Faults(failure_rate=0.25))
    after(world, 5)
    by_status = summary(world, world.clock() + timedelta(seconds=5))["by_status"]
    assert isinstance(by_status, dict)
    assert 70 <= by_status["failed"] <= 130
    assert by_status["failed"] + by_status["completed"] == 400
    assert world.account.refunded == by_status["failed"] * 350_000


def test_the_discount_comes_off_the_charge() -> None:
    world = a_world(SandboxConfig(discount_percent="20"))
    assert a_job(world).cost == world.account.charged == 280_000


def test_the_balance_ends_the_buying_and_a_refund_renews_it() -> None:
    clock = StillClock()
    world = World(SandboxConfig(balance=700_000), clock, random.Random(7))
    a_job(world), a_job(world, Faults(failure_rate=1))
    assert refusal(world).code == "INSUFFICIENT_BALANCE"
    clock.forward(5)
    assert a_job(world).cost == 350_000


def test_only_so_many_jobs_may_run_at_once() -> None:
    world = a_world(SandboxConfig(concurrency=2))
    first, _ = a_job(world), a_job(world)
    refused = refusal(world)
    assert (refused.code, refused.details) == ("CONCURRENT_JOBS_EXCEEDED", {"retryAfter": 30})
    cancel(world, first, world.clock())
    a_job(world)
    assert refusal(world).code == "CONCURRENT_JOBS_EXCEEDED"


@pytest.mark.parametrize(
    ("faults", "charged"),
    [
        (Faults(cost_factor="1.5"), 525_000),
        (Faults(cost_factor="0.333333"), 116_667),
        (Faults(cost=0), 0),
        (Faults(cost=2**53 - 1), 2**53 - 1),
        (Faults(cost=2**53), 350_000),
        (Faults(cost=-1), 350_000),
        (Faults(cost=1.5), 350_000),
        (Faults(cost="5"), 350_000),
        (Faults(cost=True), 350_000),
        (Faults(cost_missing=True), 350_000),
    ],
)
def test_a_wrong_price_is_charged_where_it_can_be(faults: Faults, charged: int) -> None:
    world = a_world()
    a_job(world, faults)
    assert world.account.charged == charged


def test_a_reset_forgets_everything_but_the_configuration() -> None:
    world = a_world(SandboxConfig(balance=400_000, faults=Faults(latency_ms=5)))
    world.faults = Faults()
    a_job(world)
    world.reset()
    assert (world.account.charged, world.account.balance, world.jobs.in_order) == (0, 400_000, [])
    assert world.faults == Faults(latency_ms=5)
