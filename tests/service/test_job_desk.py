"""Whose a job is comes before everything; what the upstream says of its end is booked before it is passed on."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Balance
from gateway.core.ending import JobStatus
from gateway.core.job_list import JobPage, Wanted
from gateway.core.ledger import Hold, Moved, Verb
from gateway.core.outcome import StoreDown
from gateway.core.principal import Principal
from gateway.core.recall import HoldRecord
from gateway.core.reply import Reply
from gateway.ports import StoreUnavailable, Unanswered
from gateway.service.job_desk import Call, JobDesk, NoSuchJob
from gateway.service.lifecycle import Lifecycle
from gateway.service.outbox import Intent, Outbox
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.doubles import Doorkeeper, MemorySpool
from tests.service.test_lifecycle import Counted
from tests.service.workshop import Told, Workshop, workshop
from tests.walkthrough.policies import team

PAID = 700_000


class Failing(RedisLedger):
    """Does not answer about `owners`, or about `moves`, while it is told so."""

    owners = moves = False

    async def owner(self, job: str) -> HoldRecord | None:
        if self.owners:
            raise StoreUnavailable("no answer")
        return await super().owner(job)

    async def move(self, verb: Verb, hold: Hold, now: datetime, **more: Any) -> Moved:
        if self.moves:
            raise StoreUnavailable("no answer")
        return await super().move(verb, hold, now, **more)


@dataclass
class Desk:
    """A desk on a real store, with a job `j1` of team red that costs PAID, and one of its test keys, `t1`."""

    shop: Workshop
    ledger: Failing
    upstream: Told = field(default_factory=Told)
    sandbox: Told = field(default_factory=Told)
    guard: Doorkeeper = field(default_factory=Doorkeeper)

    def __post_init__(self) -> None:
        clock = self.shop.clock
        self.jobs = RedisJobs(self.shop.store)
        self.outbox = Outbox(self.ledger, MemorySpool(), clock)
        lifecycle = Lifecycle(self.ledger, Counted(), clock)
        self.desk = JobDesk(
            self.ledger, self.jobs, lifecycle, self.outbox, self.upstream, self.sandbox, self.guard, clock,
            timedelta(seconds=5),
        )  # fmt: skip

    async def accept(self, job: str, **more: Any) -> Hold:
        asked = admission(f"hold of {job}", demand(TEAM, PAID, 10**9), created_at=self.shop.clock.now(), **more)
        await self.ledger.move(Verb.CAPTURE, asked.hold, self.shop.clock.now(), job=job, cost=PAID)
        return asked.hold

    async def call(self, job: str = "j1", **terms: Any) -> Call:
        return call(await self.shop.principal("red", **terms), job)

    async def posted(self) -> Balance:
        (balance,) = await self.ledger.balances([TEAM])
        return balance

    async def record(self, job: str = "j1") -> HoldRecord:
        found = await self.ledger.owner(job)
        assert found is not None
        return found


def call(principal: Principal, job: str) -> Call:
    return Call(principal, job, f"/v1/jobs/{job}?a=b", {"X-Request-Id": "req_1"})


def says(status: str, code: int = 200, **more: object) -> Reply:
    return Reply(code, {}, json.dumps({"jobId": "j1", "status": status, **more}).encode())


@pytest.fixture
async def desk(store: Store) -> Desk:
    shop = await workshop(store, team(slug="red"), team(slug="blue"))
    desk = Desk(shop, Failing(store, shop.ledger.memory.epoch))
    await desk.accept("j1")
    return desk


async def test_a_call_goes_out_as_it_came_and_the_answer_comes_back(desk: Desk) -> None:
    desk.upstream.reply = says("pending")
    assert await desk.desk.status(await desk.call()) is desk.upstream.reply
    (asked,) = desk.upstream.asked
    assert (asked.method, asked.path, asked.body, asked.keyed) == ("GET", "/v1/jobs/j1?a=b", None, True)
    assert desk.sandbox.asked == []


@pytest.mark.parametrize("what", ["status", "cancel"])
@pytest.mark.parametrize(("team", "test"), [("blue", False), ("red", True), ("blue", True)])
async def test_who_does_not_own_it_is_told_that_it_never_was_and_nobody_is_asked(
    desk: Desk, what: str, team: str, test: bool
) -> None:
    stranger = await desk.shop.principal(team, test=test)
    for job in ("j1", "j2"):
        assert await getattr(desk.desk, what)(call(stranger, job)) == NoSuchJob()
    assert desk.upstream.asked == desk.sandbox.asked == []
    assert (await desk.record()).cancelling_at is None


async def test_a_test_keys_job_is_the_sandboxs(desk: Desk) -> None:
    await desk.accept("t1", test=True)
    desk.sandbox.reply = Reply(200, {}, b'{"jobId":"t1","status":"cancelled","refundedMicroCents":700000}')
    for what in (desk.desk.status, desk.desk.cancel):
        assert await what(await desk.call("t1", test=True)) is desk.sandbox.reply
    assert desk.upstream.asked == []
    assert (await desk.record("t1")).status is JobStatus.CANCELLED


@pytest.mark.parametrize("what", ["status", "cancel"])
async def test_where_the_owner_cannot_be_read_nobody_guesses_and_nobody_is_asked(desk: Desk, what: str) -> None:
    desk.ledger.owners = True
    assert isinstance(await getattr(desk.desk, what)(await desk.call()), StoreDown)
    assert desk.upstream.asked == []


async def test_where_the_store_may_have_lost_something_nobody_says_that_it_never_was(desk: Desk) -> None:
    desk.guard.doubted = "history was lost"
    desk.upstream.reply = says("pending")
    assert await desk.desk.status(await desk.call()) is desk.upstream.reply
    blue = await desk.shop.principal("blue")
    for missing in (await desk.call("j2"), call(blue, "j1"), call(blue, "j2")):
        assert await desk.desk.status(missing) == StoreDown("history was lost")
    assert await desk.desk.page(blue, Wanted()) == StoreDown("history was lost")


async def test_a_job_whose_capture_still_waits_is_not_denied_to_its_team(desk: Desk) -> None:
    hold = admission("h9", team="red").hold
    desk.outbox.later(Intent(Verb.CAPTURE, hold, job="j9"))
    assert isinstance(await desk.desk.status(await desk.call("j9")), StoreDown)
    assert await desk.desk.status(await desk.call("j9", test=True)) == NoSuchJob()
    assert await desk.desk.status(call(await desk.shop.principal("blue"), "j9")) == NoSuchJob()


async def test_an_end_is_booked_before_it_is_passed_on(desk: Desk) -> None:
    desk.upstream.reply = says("failed")
    await desk.desk.status(await desk.call())
    assert await desk.posted() == Balance(0, 0)
    assert (await desk.ledger.entries())[-1].facts["source"] == "client"


@pytest.mark.parametrize(
    "reply",
    [
        says("failed", 500),
        says("failed", 404),
        Reply(200, {}, b"<html>failed</html>"),
        Reply(200, {}, b'{"jobId":"another","status":"failed"}'),
        says("lost"),
        Unanswered("reset"),
    ],
)
async def test_what_is_no_evidence_moves_nothing_and_is_passed_on(desk: Desk, reply: Reply | Unanswered) -> None:
    desk.upstream.reply = reply
    for what in (desk.desk.status, desk.desk.cancel):
        assert await what(await desk.call()) is reply
    assert await desk.posted() == Balance(PAID, 0)
    assert (await desk.record()).status is JobStatus.PENDING


async def test_a_cancel_is_marked_before_it_leaves_and_its_amount_is_booked(desk: Desk) -> None:
    marked: list[datetime | None] = []
    ask = desk.upstream.ask

    class Watching(Told):
        async def ask(self, question: Any) -> Any:
            marked.append((await desk.record()).cancelling_at)
            return await ask(question)

    desk.upstream.reply = says("cancelled", refundedMicroCents=300_000)
    desk.desk = JobDesk(**{name: getattr(desk.desk, name) for name in JobDesk.__slots__} | {"upstream": Watching()})
    await desk.desk.cancel(await desk.call())
    assert marked[0] is not None
    (asked,) = desk.upstream.asked
    assert (asked.method, asked.body) == ("POST", b"")
    assert await desk.posted() == Balance(PAID - 300_000, 0)
    assert (await desk.ledger.entries())[-1].facts["source"] == "cancel"


async def test_a_cancel_that_could_not_be_marked_is_not_forwarded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_jobs: RedisJobs, _hold: str, _now: datetime) -> None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(RedisJobs, "cancelling", fails)
    assert isinstance(await desk.desk.cancel(await desk.call()), StoreDown)
    assert desk.upstream.asked == []


async def test_what_the_store_does_not_take_is_passed_on_and_a_named_amount_is_kept(desk: Desk) -> None:
    desk.ledger.moves = True
    desk.upstream.reply = says("failed")
    assert await desk.desk.status(await desk.call()) is desk.upstream.reply
    assert len(desk.outbox) == 0

    desk.upstream.reply = says("cancelled", refundedMicroCents=300_000)
    assert await desk.desk.cancel(await desk.call()) is desk.upstream.reply
    desk.ledger.moves = False
    assert await desk.posted() == Balance(PAID, 0)
    await desk.outbox.flush()
    assert await desk.posted() == Balance(PAID - 300_000, 0)
    assert (await desk.record()).refund_named


async def test_that_a_worker_has_it_is_noted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    processing = RedisJobs.processing

    async def counted(jobs: RedisJobs, hold_id: str) -> None:
        noted.append(hold_id)
        await processing(jobs, hold_id)

    monkeypatch.setattr(RedisJobs, "processing", counted)
    for status in ("pending", "processing", "processing", "pending"):
        desk.upstream.reply = says(status)
        await desk.desk.status(await desk.call())
    assert noted == ["hold of j1"]
    assert (await desk.record()).status is JobStatus.PROCESSING


async def test_the_list_is_the_teams_and_asks_nobody(desk: Desk) -> None:
    page = await desk.desk.page(await desk.shop.principal("red"), Wanted())
    assert isinstance(page, JobPage)
    assert [row.job for row in page.rows] == ["j1"]
    assert desk.upstream.asked == []
