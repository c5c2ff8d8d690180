"""A job's later life, told as a test: a client that changed its base URL and its key, and nothing else.

It submits, polls to the end, lists, and cancels, as the provider's pages say; it reads replies in every documented
form.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.core.ending import JobStatus
from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, SLUG, Answer, open_house
from tests.walkthrough.policies import budget, in_flight, organization, quota, team

SLOW = Faults(pending_seconds=60)


@dataclass
class Client:
    """As somebody wrote it for the provider, years ago."""

    session: ClientSession
    base: str
    key: str

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.session.request(method, self.base + path, json=body, headers=headers) as reply:
            return Answer(reply.status, reply.headers, await reply.read())

    async def json(self, method: str, path: str, body: object = None) -> Any:
        """A reply that went well, unwrapped where it came wrapped."""
        answer = await self.call(method, path, body)
        assert answer.status == 200, answer
        document = answer.document
        return document.get("data", document)

    async def submit(self, **given: object) -> Any:
        return await self.json("POST", "/jobs/submit", {"model": SLUG, "input": {**SEED, **given}})

    async def status(self, job: str) -> Any:
        return await self.json("GET", f"/jobs/{job}")

    async def to_the_end(self, job: str) -> Any:
        """Poll, as the quickstart does, only faster."""
        for _ in range(400):
            shown = await self.status(job)
            if shown["status"] not in ("pending", "processing"):
                return shown
            await asyncio.sleep(0.05)
        raise AssertionError("the job does not end")


@pytest.mark.parametrize("form", [{}, {"wrapped": True}, {"quickstart": True}])
async def test_submit_poll_to_the_end_list_and_cancel(form: dict[str, Any]) -> None:
    faults = Faults(pending_seconds=0.2, processing_seconds=0.2, **form)
    async with open_house(team(budget("5.00"), quota("jobs", 10), in_flight(5)), faults=faults) as house:
        key = await house.key()
        client = Client(house.session, house.gateway.data_url + "/v1", key.secret)

        done = await client.submit()
        assert (await client.to_the_end(done["jobId"]))["status"] == "completed"

        # What is still pending can be cancelled, and the money is back.
        house.sandbox.world.faults = Faults(pending_seconds=60, **form)
        pending = await client.submit(duration="10")
        assert (await house.limit(key, "budget"))["posted"] == "2.100000"
        assert (await house.limit(key, "at-once"))["held"] == 1
        cancelled = await client.json("POST", f"/jobs/{pending['jobId']}/cancel")
        assert (cancelled["status"], cancelled["refundedMicroCents"]) == ("cancelled", 1_400_000)
        assert (await house.limit(key, "budget"))["posted"] == "0.700000"
        assert (await house.limit(key, "at-once"))["held"] == 0
        assert (await house.limit(key, "jobs"))["posted"] == 2
        assert (await client.status(pending["jobId"]))["status"] == "cancelled"

        # A second time, and of what has ended, the upstream says no, in its own words.
        for job in (pending["jobId"], done["jobId"]):
            refused = await client.call("POST", f"/jobs/{job}/cancel")
            assert (refused.status, refused.code) == (400, "JOB_CANNOT_BE_CANCELLED")
            assert refused.headers["Tollhouse-Error-Source"] == "upstream"

        listed = await client.json("GET", "/jobs")
        assert [(row["jobId"], row["status"], row["progress"]) for row in listed["jobs"]] == [
            (pending["jobId"], "cancelled", 0),
            (done["jobId"], "completed", 100),
        ]
        assert all(row["model"] == SLUG and row["createdAt"] < row["completedAt"] for row in listed["jobs"])
        assert (listed["nextCursor"], listed["hasMore"]) == (None, False)

        # The other side's book says the same.
        assert house.sandbox.account.spent == 700_000
        assert (await house.accounts())["team:video:budget:usd"] == (700_000, 0)
        metrics = await house.metrics()
        assert metrics("tollhouse_refund_usd_total", team="video", model=SLUG, reason="cancelled") == 1.4


async def test_a_failed_job_gives_its_money_back_once_however_often_it_is_asked_about() -> None:
    async with open_house(
        team(budget("5.00"), in_flight(5)), faults=Faults(failure_rate=1, pending_seconds=0, processing_seconds=0.1)
    ) as house:
        key = await house.key()
        client = Client(house.session, house.gateway.data_url + "/v1", key.secret)
        job = (await client.submit())["jobId"]
        assert (await client.to_the_end(job))["status"] == "failed"
        answers = await asyncio.gather(*(client.status(job) for _ in range(20)))
        assert {shown["status"] for shown in answers} == {"failed"}
        assert await house.accounts() == {
            "organization:acme:ample:usd": (0, 0),
            "team:video:budget:usd": (0, 0),
            "team:video:at-once:in_flight": (0, 0),
        }
        assert [entry.kind for entry in await house.entries()] == ["hold", "captured", "refunded"]


async def test_what_runs_is_listed_as_last_heard() -> None:
    async with open_house(faults=Faults(pending_seconds=0, processing_seconds=60)) as house:
        key = await house.key()
        client = Client(house.session, house.gateway.data_url + "/v1", key.secret)
        job = (await client.submit())["jobId"]
        assert (await client.json("GET", "/jobs"))["jobs"][0]["status"] == "pending"
        assert (await client.status(job))["status"] == "processing"
        (row,) = (await client.json("GET", "/jobs"))["jobs"]
        assert (row["status"], row["progress"], row["completedAt"]) == ("processing", 50, None)


async def test_a_cancel_is_marked_before_it_is_forwarded() -> None:
    async with open_house(faults=SLOW) as house:
        key = await house.key()
        job = (await house.submit(key)).document["jobId"]
        await house.ask("POST", f"/v1/jobs/{job}/cancel", key)
        record = await house.ledger.owner(job)
        assert record is not None
        assert record.cancelling_at is not None
        assert record.ended_at is not None
        assert record.cancelling_at <= record.ended_at
        assert (record.status, record.refund_named) == (JobStatus.CANCELLED, True)


async def test_test_keys_meet_the_built_in_sandbox_on_every_route() -> None:
    async with open_house(team(budget("5.00")), faults=SLOW) as house:
        live, test = await house.key(), await house.key(test=True)
        tester = Client(house.session, house.gateway.data_url + "/v1", test.secret)
        job = (await tester.submit())["jobId"]
        assert (await tester.status(job))["status"] == "pending"
        assert (await tester.json("POST", f"/jobs/{job}/cancel"))["status"] == "cancelled"
        assert [row["jobId"] for row in (await tester.json("GET", "/jobs"))["jobs"]] == [job]
        upload = await tester.json("POST", "/uploads/presign", {"filename": "a.png", "contentType": "image/png"})
        assert (await tester.json("GET", f"/uploads/{upload['fileId']}"))["status"] == "pending"
        assert house.sandbox.jobs.by_id == {}
        assert house.sandbox.world.uploads == {}

        # The team's live keys see none of it.
        assert (await house.ask("GET", "/v1/jobs", live)).document["jobs"] == []
        for method, path in (("GET", f"/v1/jobs/{job}"), ("POST", f"/v1/jobs/{job}/cancel")):
            assert (await house.ask(method, path, live)).code == "JOB_NOT_FOUND"
        assert (await house.ask("GET", f"/v1/uploads/{upload['fileId']}", live)).code == "NOT_FOUND"


@pytest.mark.parametrize("whose", ["team", "key", "organization"])
async def test_who_has_too_many_in_flight_is_told_when_the_first_may_end(whose: str) -> None:
    rule = in_flight(2, per="key") if whose == "key" else in_flight(2)
    files = (organization(rule), team(budget("9.00"))) if whose == "organization" else (team(budget("9.00"), rule),)
    async with open_house(*files, faults=SLOW) as house:
        key = await house.key()
        submitted = [(await house.submit(key, duration=each)).document for each in ("5", "10")]
        ends = min(datetime.fromisoformat(each["estimatedCompletionTime"]) for each in submitted)

        refused = await house.submit(key)
        assert (refused.status, refused.code) == (429, "CONCURRENT_JOBS_EXCEEDED")
        wait = int(refused.headers["Retry-After"])
        assert 0 <= wait - (ends - datetime.now(UTC)).total_seconds() <= 2
        assert wait != 10
        assert refused.details["retryAfter"] == wait
        assert (refused.details["limit"], refused.details["scope"]) == ("at-once", whose)

        # The place is free as soon as the job's end is known, and one more fits.
        assert (await house.ask("POST", f"/v1/jobs/{submitted[0]['jobId']}/cancel", key)).status == 200
        assert (await house.submit(key)).status == 200
        assert (await house.submit(key)).code == "CONCURRENT_JOBS_EXCEEDED"
