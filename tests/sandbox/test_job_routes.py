import base64
import json

import pytest

from gateway.sandbox import Faults, SandboxConfig
from tests.sandbox.visit import SLUG, Visit, visiting


async def estimate(visit: Visit, body: object) -> object:
    answer = await visit.call("POST", "/v1/jobs/estimate", body)
    assert answer.status == 200, answer
    return answer.body


async def test_an_estimate_is_what_submit_would_charge_and_makes_nothing(visit: Visit) -> None:
    body = {"model": SLUG, "input": {"duration": 10, "has_sound": True}}
    assert await estimate(visit, body) == {
        "baseCostMicroCents": 1_400_000,
        "estimatedCostMicroCents": 1_400_000,
        "breakdown": [
            {"component": "base", "costMicroCents": 70_000},
            {"component": "duration", "costMicroCents": 630_000},
            {"component": "has_sound", "costMicroCents": 700_000},
        ],
        "hasDiscount": False,
    }
    assert ((await visit.account())["jobs"], visit.sandbox.account.charged) == (0, 0)


async def test_an_estimate_needs_no_input(visit: Visit) -> None:
    reply = await estimate(visit, {"modelSlug": SLUG})
    assert isinstance(reply, dict)
    assert reply["estimatedCostMicroCents"] == 350_000


async def test_an_estimate_knows_the_discount_and_the_balance() -> None:
    async with visiting(SandboxConfig(discount_percent="12.5", balance=400_000)) as visit:
        reply = await estimate(visit, {"model": SLUG})
        assert isinstance(reply, dict)
        assert reply["discounted"] == {"type": "percentage_discount", "percentage": 12.5, "savedMicroCents": 43_750}
        dear = await visit.call("POST", "/v1/jobs/estimate", {"model": SLUG, "input": {"duration": 10}})
        assert (dear.status, dear.code) == (402, "INSUFFICIENT_BALANCE")


async def test_an_estimate_heeds_the_faults_that_change_a_price(visit: Visit) -> None:
    reply = await estimate(visit, {"model": SLUG, "input": {"sandbox": {"cost_factor": "3"}}})
    assert isinstance(reply, dict)
    assert reply["estimatedCostMicroCents"] == 1_050_000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"x", 400, "INVALID_INPUT"),
        ({"model": SLUG, "input": {"duration": 6}}, 400, "INVALID_INPUT"),
        ({"model": SLUG, "input": {"sandbox": {"x": 1}}}, 400, "INVALID_INPUT"),
        ({"model": "a/b", "input": {}}, 404, "MODEL_NOT_FOUND"),
    ],
)
async def test_an_estimate_refuses_as_submit_does(visit: Visit, body: object, status: int, code: str) -> None:
    answer = await visit.call("POST", "/v1/jobs/estimate", body)
    assert (answer.status, answer.code) == (status, code)


async def test_a_job_lives_by_the_clock(visit: Visit) -> None:
    job = await visit.job()
    url = f"https://cdn.sandbox.invalid/{job}.mp4"
    created = {"jobId": job, "createdAt": "2026-11-24T12:00:00.000Z", "error": None}
    nothing_yet = {"completedAt": None, "output": None, "outputs": None}
    assert (await visit.get(f"/v1/jobs/{job}")).body == created | nothing_yet | {"status": "pending", "progress": 0}
    visit.clock.forward(2)
    running = (await visit.get(f"/v1/jobs/{job}")).body
    assert running == created | nothing_yet | {"status": "processing", "progress": 50}
    visit.clock.forward(3)
    assert (await visit.get(f"/v1/jobs/{job}")).body == created | {
        "status": "completed",
        "progress": 100,
        "completedAt": "2026-11-24T12:00:05.000Z",
        "output": url,
        "outputs": [{"url": url, "type": "video", "thumbnail": None, "posterImage": None}],
    }
    assert (await visit.account())["spent"] == 350_000


async def test_a_failed_job_is_refunded_without_being_asked_for(visit: Visit) -> None:
    job = await visit.job(sandbox={"failure_rate": 1})
    visit.clock.forward(5)
    assert await visit.account() == {
        "charged": 350_000,
        "refunded": 350_000,
        "spent": 0,
        "jobs": 1,
        "by_status": {"pending": 0, "processing": 0, "completed": 0, "failed": 1, "cancelled": 0},
    }
    shown = (await visit.get(f"/v1/jobs/{job}")).body
    assert (shown["status"], shown["progress"], shown["output"]) == ("failed", 0, None)
    assert shown["completedAt"] == "2026-11-24T12:00:05.000Z"
    assert shown["error"]["code"] == "GENERATION_FAILED"


async def test_the_life_of_one_job_can_be_shortened(visit: Visit) -> None:
    job = await visit.job(sandbox={"pending_seconds": 0, "processing_seconds": 0})
    assert (await visit.get(f"/v1/jobs/{job}")).body["status"] == "completed"


async def test_an_image_is_called_an_image(visit: Visit) -> None:
    job = await visit.job(model="google/nano-banana")
    visit.clock.forward(60)
    assert (await visit.get(f"/v1/jobs/{job}")).body["outputs"][0]["type"] == "image"


async def test_status_in_the_quickstarts_dialect() -> None:
    async with visiting(SandboxConfig(faults=Faults(quickstart=True))) as visit:
        job = str((await visit.submit(duration=10)).body["data"]["jobId"])
        assert (await visit.get(f"/v1/jobs/{job}")).body["data"]["output"] is None
        visit.clock.forward(60)
        data = (await visit.get(f"/v1/jobs/{job}")).body["data"]
        assert (data["model"], data["cost"], data["status"]) == (SLUG, 700_000, "completed")
        url = f"https://cdn.sandbox.invalid/{job}.mp4"
        assert data["output"] == {"url": url, "contentType": "video/mp4", "durationSeconds": 10}


async def test_all_job_replies_are_wrapped_by_flag() -> None:
    async with visiting(SandboxConfig(faults=Faults(wrapped=True))) as visit:
        job = str((await visit.submit()).body["data"]["jobId"])
        estimated = await visit.call("POST", "/v1/jobs/estimate", {"model": SLUG})
        assert estimated.body["data"]["estimatedCostMicroCents"] == 350_000
        assert (await visit.get(f"/v1/jobs/{job}")).body["data"]["jobId"] == job
        assert (await visit.get("/v1/jobs")).body["data"]["hasMore"] is False
        cancelled = await visit.call("POST", f"/v1/jobs/{job}/cancel")
        assert cancelled.body["data"]["refundedMicroCents"] == 350_000
        assert cancelled.body["success"] is True


async def test_a_pending_job_can_be_cancelled_and_is_refunded(visit: Visit) -> None:
    job = await visit.job()
    answer = await visit.call("POST", f"/v1/jobs/{job}/cancel")
    assert answer.body == {"jobId": job, "status": "cancelled", "refundedMicroCents": 350_000}
    assert ((await visit.account())["spent"], (await visit.account())["by_status"]["cancelled"]) == (0, 1)
    again = await visit.call("POST", f"/v1/jobs/{job}/cancel")
    assert (again.status, again.code) == (400, "JOB_CANNOT_BE_CANCELLED")
    assert visit.sandbox.account.refunded == 350_000


@pytest.mark.parametrize("seconds", [2, 5])
async def test_a_job_that_runs_or_has_ended_cannot_be_cancelled(visit: Visit, seconds: float) -> None:
    job = await visit.job()
    visit.clock.forward(seconds)
    answer = await visit.call("POST", f"/v1/jobs/{job}/cancel")
    assert (answer.status, answer.code) == (400, "JOB_CANNOT_BE_CANCELLED")
    assert (await visit.account())["refunded"] == 0


async def test_an_unknown_job_is_not_found(visit: Visit) -> None:
    for method, path in (("GET", "/v1/jobs/job_x"), ("POST", "/v1/jobs/job_x/cancel")):
        answer = await visit.call(method, path)
        assert (answer.status, answer.code) == (404, "JOB_NOT_FOUND")


async def test_the_list_shows_no_costs_and_no_inputs(visit: Visit) -> None:
    job = await visit.job()
    row = {"jobId": job, "status": "pending", "progress": 0, "model": SLUG}
    times = {"createdAt": "2026-11-24T12:00:00.000Z", "completedAt": None}
    assert (await visit.get("/v1/jobs")).body == {"jobs": [row | times], "nextCursor": None, "hasMore": False}


async def test_a_walk_sees_every_job_once_while_new_ones_arrive(visit: Visit) -> None:
    old = [await visit.job() for _ in range(25)]
    seen, path = [], "/v1/jobs?limit=10"
    while True:
        page = (await visit.get(path)).body
        seen += [job["jobId"] for job in page["jobs"]]
        if not page["hasMore"]:
            break
        await visit.job()
        path = f"/v1/jobs?limit=10&cursor={page['nextCursor']}"
    assert seen == old[::-1]
    assert page["nextCursor"] is None


async def test_a_page_has_20_jobs_by_default(visit: Visit) -> None:
    for _ in range(21):
        await visit.job()
    page = (await visit.get("/v1/jobs")).body
    assert (len(page["jobs"]), page["hasMore"]) == (20, True)
    assert json.loads(base64.b64decode(page["nextCursor"]))["createdAt"] == "2026-11-24T12:00:00.000Z"


async def test_the_list_is_filtered_by_status_and_slug(visit: Visit) -> None:
    first = await visit.job()
    visit.clock.forward(5)
    second, image = await visit.job(), await visit.job(model="google/nano-banana")

    async def ids(query: str) -> list[str]:
        return [job["jobId"] for job in (await visit.get(f"/v1/jobs?{query}")).body["jobs"]]

    assert await ids("status=completed") == [first]
    assert await ids("status=pending") == [image, second]
    assert await ids(f"modelId={SLUG}&status=pending") == [second]
    assert await ids("status=failed") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=",
        "status=done",
        "cursor=x",
        "cursor=",
        "cursor=" + base64.b64encode(b'{"sequence": -1}').decode(),
        "cursor=" + base64.b64encode(b'{"sequence": "1"}').decode(),
        "cursor=" + base64.b64encode(b"[]").decode(),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(visit: Visit, query: str) -> None:
    answer = await visit.get(f"/v1/jobs?{query}")
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")


async def test_a_page_of_100(visit: Visit) -> None:
    assert (await visit.get("/v1/jobs?limit=100")).body["jobs"] == []
