"""One sandbox: its configuration, account book, jobs and record; and what may happen to them.

Whatever changes money or jobs is here, in plain calls without I/O; the routes around it read and write messages.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeAlias

from gateway.sandbox.account import AccountBook
from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Job, JobBook, Status
from gateway.sandbox.orders import Order
from gateway.sandbox.randomness import Randomness
from gateway.sandbox.record import Record
from gateway.sandbox.replies import RETRY_AFTER_SECONDS, Refusal
from gateway.sandbox.tariff import Price, half_up, price
from gateway.sandbox.uploads import Upload

Clock: TypeAlias = Callable[[], datetime]

_TOO_LARGE: Final = 2**53


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Everything about the account; money in micro-cents, times in seconds.

    `faults`: for every submit. `keys`: those that work; none: any that starts with `pb_`. `balance`: prepaid; None: no
    end. `concurrency`: how many jobs may be without an end at once. `discount_percent`: a decimal, off every price.
    `webhook_prefix`: what addresses begin with that are called although they are not on this machine.
    """

    faults: Faults = field(default_factory=Faults)
    keys: frozenset[str] = field(default=frozenset(), repr=False)
    balance: int | None = None
    concurrency: int | None = None
    discount_percent: str = "0"
    webhook_secret: str = field(default="whsec_sandbox", repr=False)
    webhook_prefix: str | None = None
    webhook_retries: tuple[float, ...] = (1, 4, 16, 64, 256)
    keep_requests: int = 1000


@dataclass(slots=True)
class World:
    """The state of one sandbox. `finished` holds ended jobs that asked for a webhook and got none yet."""

    config: SandboxConfig
    clock: Clock
    rng: Randomness
    faults: Faults = field(init=False)
    account: AccountBook = field(init=False)
    jobs: JobBook = field(default_factory=JobBook)
    uploads: dict[str, Upload] = field(default_factory=dict)
    record: Record = field(init=False)
    finished: deque[Job] = field(default_factory=deque)
    webhook_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.faults = self.config.faults
        self.account = AccountBook(self.config.balance)
        self.record = Record(self.config.keep_requests)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{self.rng.getrandbits(96):024x}"

    def reset(self) -> None:
        """Forget every job, charge, upload and request, and go back to the configured faults."""
        self.faults = self.config.faults
        self.account = AccountBook(self.config.balance)
        self.jobs = JobBook()
        self.uploads.clear()
        self.record.clear()
        self.finished.clear()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a job would cost this account: the price, and in whole micro-cents before and after the discount."""

    price: Price
    full: int
    amount: int


def offer(world: World, order: Order, faults: Faults) -> Offer | Refusal:
    """Price an order for this account, or say why it cannot be had. Changes nothing."""
    priced = price(order.model, order.input, faults.media_seconds)
    if isinstance(priced, Refusal):
        return priced
    amount = half_up(priced.full * _rate(world.config.discount_percent, faults.cost_factor))
    if isinstance(faults.cost, int) and not isinstance(faults.cost, bool) and 0 <= faults.cost < _TOO_LARGE:
        amount = faults.cost
    if not world.account.affords(amount):
        return Refusal("INSUFFICIENT_BALANCE", "The balance is too low for this job", {"required": amount})
    return Offer(priced, half_up(priced.full), amount)


@lru_cache(maxsize=64)
def _rate(discount_percent: str, cost_factor: str) -> Fraction:
    return (1 - Fraction(discount_percent) / 100) * Fraction(cost_factor)


def accept(world: World, order: Order, faults: Faults, request_id: str) -> Job | Refusal:
    """Make and charge a job, or refuse it; there is nothing between the two."""
    now = world.clock()
    advance(world, now)
    limit = world.config.concurrency
    if limit is not None and world.jobs.active >= limit:
        wait = {"retryAfter": RETRY_AFTER_SECONDS}
        return Refusal("CONCURRENT_JOBS_EXCEEDED", f"{limit} jobs run at the same time at most", wait)
    offered = offer(world, order, faults)
    if isinstance(offered, Refusal):
        return offered
    job = _job(world, order, faults, offered, request_id, now)
    world.account.charge(job.id, offered.amount)
    world.jobs.add(job)
    if job.webhook_url is not None:
        world.webhook_wanted.set()
    return job


def advance(world: World, now: datetime) -> None:
    """Bring every job to where it is now; failed ones are refunded."""
    for job in world.jobs.due(now):
        if job.ended is Status.FAILED:
            world.account.refund(job.id)
        if job.webhook_url is not None:
            world.finished.append(job)


def cancel(world: World, job: Job, now: datetime) -> int | Refusal:
    """Cancel a pending job; the answer is what came back, in micro-cents."""
    if not world.jobs.cancel(job, now):
        state = job.status(now)
        return Refusal("JOB_CANNOT_BE_CANCELLED", f"The job is {state}; only pending jobs can be cancelled")
    return world.account.refund(job.id)


def summary(world: World, now: datetime) -> Mapping[str, object]:
    """The account in whole micro-cents, and how many jobs are in which state."""
    by_status = {str(status): 0 for status in Status}
    for job in world.jobs.in_order:
        by_status[job.status(now)] += 1
    book = world.account
    money = {"charged": book.charged, "refunded": book.refunded, "spent": book.spent}
    return {**money, "jobs": len(world.jobs.in_order), "by_status": by_status}


def _job(world: World, order: Order, faults: Faults, offered: Offer, request_id: str, now: datetime) -> Job:
    starts_at = now + timedelta(seconds=faults.pending_seconds)
    lengths = (int(each.option) for each in offered.price.applied if each.field == "duration")
    return Job(
        id=world.new_id("job"),
        request_id=request_id,
        model=order.model.slug,
        media=order.model.media,
        cost=offered.amount,
        seconds=next(lengths, None),
        created_at=now,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(seconds=faults.processing_seconds),
        estimated_at=now + timedelta(seconds=order.model.processing_seconds or 0),
        fails=faults.failure_rate > 0 and world.rng.random() < faults.failure_rate,
        webhook_url=order.webhook_url,
    )
