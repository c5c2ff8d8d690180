import asyncio

import pytest

from gateway.sandbox import Faults, SandboxConfig
from tests.sandbox.visit import KEY, SLUG, Visit, visiting


async def test_the_documented_reply(visit: Visit) -> None:
    answer = await visit.submit(prompt="a dog", aspect_ratio="16:9", duration="5", has_sound="true")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == {
        "jobId": visit.sandbox.jobs.in_order[0].id,
        "requestId": visit.sandbox.jobs.in_order[0].request_id,
        "status": "pending",
        "estimatedCompletionTime": "2026-11-24T12:04:00.000Z",
        "costMicroCents": 700_000,
    }
    assert (await visit.account())["charged"] == 700_000


async def test_the_other_dialect_is_understood(visit: Visit) -> None:
    answer = await visit.call("POST", "/v1/jobs/submit", {"modelSlug": SLUG, "modelVersion": "v1", "input": {}})
    assert answer.body["costMicroCents"] == 350_000


async def test_the_last_of_two_durations_is_charged(visit: Visit) -> None:
    body = f'{{"model": "{SLUG}", "input": {{"duration": "5", "duration": "10"}}}}'.encode()
    assert (await visit.call("POST", "/v1/jobs/submit", body)).body["costMicroCents"] == 700_000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "INVALID_INPUT"),
        ({"model": SLUG}, 400, "INVALID_INPUT"),
        ({"model": SLUG, "input": {"duration": "7"}}, 400, "INVALID_INPUT"),
        ({"model": "xai/grok-imagine/image-to-video", "input": {}}, 400, "INVALID_INPUT"),
        ({"model": "kling", "input": {}}, 400, "INVALID_MODEL_SLUG"),
        ({"model": SLUG, "input": {}, "webhookUrl": "http://example.com"}, 400, "INVALID_WEBHOOK_URL"),
        ({"model": "kling/none", "input": {}}, 404, "MODEL_NOT_FOUND"),
        ({"model": "google/veo-3.1-quality/text-to-video", "input": {}}, 404, "MODEL_NOT_FOUND"),
        ({"model": SLUG, "version": "v0", "input": {}}, 404, "MODEL_VERSION_NOT_FOUND"),
    ],
)
async def test_refusals_have_their_codes_and_charge_nothing(visit: Visit, body: object, status: int, code: str) -> None:
    answer = await visit.call("POST", "/v1/jobs/submit", body)
    assert (answer.status, answer.code) == (status, code)
    assert await visit.account() | {"by_status": None} == {
        "charged": 0,
        "refunded": 0,
        "spent": 0,
        "jobs": 0,
        "by_status": None,
    }


async def test_the_balance_and_the_concurrency_limit_belong_to_the_account() -> None:
    async with visiting(SandboxConfig(balance=700_000, concurrency=2)) as visit:
        await visit.job(duration=5)
        assert (await visit.submit(duration=10)).code == "INSUFFICIENT_BALANCE"
        await visit.job(duration=5)
        full = await visit.submit(headers={"Authorization": "Bearer pb_another"})
        assert (full.status, full.code, full.body["error"]["details"]) == (
            429,
            "CONCURRENT_JOBS_EXCEEDED",
            {"retryAfter": 30},
        )


async def test_faults_come_from_configuration_header_and_input_the_later_winning() -> None:
    async with visiting(SandboxConfig(faults=Faults(status=500))) as visit:
        header = {"X-Sandbox-Status": "503"}
        statuses = [
            (await visit.submit()).status,
            (await visit.submit(headers=header)).status,
            (await visit.submit(headers=header, sandbox={"status": 402})).status,
        ]
        assert statuses == [500, 503, 402]


async def test_faults_may_be_exchanged_while_it_runs(visit: Visit) -> None:
    visit.sandbox.world.faults = Faults(status=503)
    assert (await visit.submit()).status == 503
    visit.sandbox.world.faults = Faults()
    assert (await visit.submit()).status == 200


async def test_a_misspelt_fault_is_refused(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"hangs": True})
    assert (answer.code, answer.body["error"]["message"]) == ("INVALID_INPUT", "The sandbox has no fault called hangs")


async def test_latency_holds_the_answer_back_and_submits_run_side_by_side(visit: Visit) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    answers = await asyncio.gather(*(visit.submit(sandbox={"latency_ms": 200}) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert 0.19 <= loop.time() - started < 2
    assert visit.sandbox.record.peak == 20


async def test_another_2xx_is_a_success(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"status": 202})
    assert (answer.status, answer.body["costMicroCents"]) == (202, 350_000)


async def test_a_wrapped_reply(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"wrapped": True})
    assert answer.body["success"] is True
    assert answer.body["data"]["costMicroCents"] == 350_000
    assert answer.body["requestId"] == answer.body["data"]["requestId"]


async def test_the_quickstarts_dialect(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"quickstart": True})
    assert answer.body == {
        "success": True,
        "requestId": visit.sandbox.jobs.in_order[0].request_id,
        "data": {
            "jobId": visit.sandbox.jobs.in_order[0].id,
            "status": "pending",
            "model": SLUG,
            "createdAt": "2026-11-24T12:00:00.000Z",
            "estimatedCost": 350_000,
        },
    }


async def test_a_job_is_made_and_charged_although_its_reply_names_none(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"no_job_id": True})
    assert answer.status == 200
    assert "jobId" not in answer.body
    assert ((await visit.account())["jobs"], (await visit.account())["charged"]) == (1, 350_000)


async def test_a_reply_may_name_the_job_before(visit: Visit) -> None:
    first = await visit.job()
    assert await visit.job(sandbox={"repeated_job_id": True}) == first
    assert ((await visit.account())["jobs"], (await visit.account())["charged"]) == (2, 700_000)


@pytest.mark.parametrize("cost", [-5, 1.5, "350000", 0, 2**53, True])
async def test_a_reply_may_report_any_cost(visit: Visit, cost: object) -> None:
    assert (await visit.submit(sandbox={"cost": cost})).body["costMicroCents"] == cost


async def test_a_reply_may_report_no_cost(visit: Visit) -> None:
    assert "costMicroCents" not in (await visit.submit(sandbox={"cost_missing": True})).body


async def test_a_dearer_or_cheaper_job_is_charged_as_reported(visit: Visit) -> None:
    costs = [(await visit.submit(sandbox={"cost_factor": each})).body["costMicroCents"] for each in ("2", 0.5)]
    assert costs == [700_000, 175_000]
    assert (await visit.account())["charged"] == 875_000


async def test_the_media_length_is_settable(visit: Visit) -> None:
    model = "kling/kling-motion-create-v3/motion-transfer-to-video"
    assert (await visit.submit(model)).body["costMicroCents"] == 350_000
    assert (await visit.submit(model, sandbox={"media_seconds": 10})).body["costMicroCents"] == 700_000


async def test_the_real_key_can_be_echoed(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"echo": True})
    assert answer.body["echo"] == answer.headers["X-Sandbox-Echo"] == f"Bearer {KEY}"


async def test_what_arrived_is_recorded_whatever_came_of_it(visit: Visit) -> None:
    body = b'{"model":  "x", "input": {}}'
    await visit.call("POST", "/v1/jobs/submit?a=%20", body, {"x-api-key": KEY})
    await visit.call("POST", "/v1/jobs/submit", b"\xff", {})
    first, second = visit.sandbox.record.submits
    assert (first.body, first.path, first.key_matched) == (body, "/v1/jobs/submit?a=%20", True)
    assert (second.body, second.key_matched) == (b"\xff", False)
    assert visit.sandbox.record.in_flight == 0
