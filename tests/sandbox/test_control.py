import hashlib
import json

from gateway.sandbox import SandboxConfig
from tests.sandbox.visit import KEY, Visit, visiting


async def test_the_account_counts_jobs_by_status(visit: Visit) -> None:
    await visit.job(sandbox={"failure_rate": 1})
    await visit.job()
    visit.clock.forward(5)
    cancelled = await visit.job()
    await visit.call("POST", f"/v1/jobs/{cancelled}/cancel")
    await visit.job(sandbox={"pending_seconds": 0})
    await visit.job(duration=10)
    assert await visit.account() == {
        "charged": 2_100_000,
        "refunded": 700_000,
        "spent": 1_400_000,
        "jobs": 5,
        "by_status": {"pending": 1, "processing": 1, "completed": 1, "failed": 1, "cancelled": 1},
    }


async def test_requests_are_shown_as_received_without_keys(visit: Visit) -> None:
    await visit.submit(headers={"X-Trace": "a"}, prompt="dög")
    shown = (await visit.get("/sandbox/requests", headers={})).body
    (request,) = shown["requests"]
    assert (shown["peak_in_flight"], request["path"], request["key_matched"]) == (1, "/v1/jobs/submit", True)
    assert json.loads(request["body"])["input"] == {"prompt": "dög"}
    assert request["sha256"] == hashlib.sha256(request["body"].encode()).hexdigest()
    assert ["X-Trace", "a"] in request["headers"]
    assert ["Authorization", "[redacted]"] in request["headers"]
    assert KEY not in json.dumps(shown)


async def test_only_so_many_requests_are_kept() -> None:
    async with visiting(SandboxConfig(keep_requests=2)) as visit:
        for each in ("a", "b", "c"):
            await visit.submit(prompt=each)
        kept = (await visit.get("/sandbox/requests")).body["requests"]
        assert [json.loads(each["body"])["input"]["prompt"] for each in kept] == ["b", "c"]


async def test_a_reset_starts_afresh(visit: Visit) -> None:
    job = await visit.job()
    assert (await visit.call("POST", "/sandbox/reset")).body["jobs"] == 0
    assert ((await visit.account())["charged"], (await visit.get("/sandbox/requests")).body["requests"]) == (0, [])
    assert (await visit.get(f"/v1/jobs/{job}")).code == "JOB_NOT_FOUND"
    assert await visit.job() != job
