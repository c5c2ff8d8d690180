import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from gateway.sandbox import SandboxConfig
from gateway.sandbox.webhooks import address, signed
from tests.sandbox.visit import SLUG, Visit, until, visiting

QUICK = SandboxConfig(webhook_secret="whsec_test", webhook_retries=(0.01, 0.01))


@dataclass
class Receiver:
    """Where webhooks arrive; answers the statuses it was given, the last one for ever."""

    statuses: list[int]
    url: str = ""
    calls: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        self.calls.append((await request.read(), dict(request.headers)))
        return web.Response(status=self.statuses[min(len(self.calls), len(self.statuses)) - 1])

    async def after(self, calls: int) -> None:
        await until(lambda: len(self.calls) >= calls)


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(statuses))
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.receive)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


async def job_with_hook(visit: Visit, url: str, **faults: object) -> str:
    body = {"model": SLUG, "input": {"sandbox": faults}, "webhookUrl": url}
    return str((await visit.call("POST", "/v1/jobs/submit", body)).body["jobId"])


def test_the_signature_covers_time_and_body() -> None:
    expected = hmac.new(b"s", b'1732449600.{"a":1}', hashlib.sha256).hexdigest()
    assert signed(b'{"a":1}', 1732449600, "s") == {
        "Content-Type": "application/json",
        "X-PixelByte-Timestamp": "1732449600",
        "X-PixelByte-Signature": f"sha256={expected}",
    }


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://127.0.0.1:9/a", True),
        ("http://localhost/a", True),
        ("https://[::1]/a", True),
        ("https://127.0.0.1.example.com/a", False),
        ("https://hooks.example.com@example.org/a", False),
        ("https://10.0.0.1/a", False),
    ],
)
async def test_only_this_machine_is_called(visit: Visit, url: str, called: bool) -> None:
    job = visit.sandbox.jobs.by_id[await job_with_hook(visit, url)]
    assert job.webhook_url == url
    assert address(job, None) == (url if called else None)


@pytest.mark.parametrize(
    ("url", "called"),
    [("https://toll.example.com/hook", True), ("https://toll.example.com.evil.example/", False)],
)
async def test_and_what_begins_as_configured(visit: Visit, url: str, called: bool) -> None:
    job = visit.sandbox.jobs.by_id[await job_with_hook(visit, url)]
    assert address(job, "https://toll.example.com/") == (url if called else None)


async def test_a_completed_job_is_announced_once_and_signed() -> None:
    async with receiving(200) as receiver, visiting(QUICK) as visit:
        job = await job_with_hook(visit, receiver.url)
        visit.clock.forward(5)
        await receiver.after(1)
        body, headers = receiver.calls[0]
        assert json.loads(body) == {
            "jobId": job,
            "requestId": visit.sandbox.jobs.by_id[job].request_id,
            "status": "completed",
            "completedAt": "2026-11-24T12:00:05.000Z",
            "output": {"videoUrl": f"https://cdn.sandbox.invalid/{job}.mp4"},
        }
        at = int(visit.clock.now.timestamp())
        assert headers.items() >= signed(body, at, "whsec_test").items()
        second = await job_with_hook(visit, receiver.url, failure_rate=1)
        visit.clock.forward(5)
        await receiver.after(2)
        failed = json.loads(receiver.calls[1][0])
        assert (failed["jobId"], failed["status"], failed["error"]["code"]) == (second, "failed", "GENERATION_FAILED")
        assert "output" not in failed


async def test_an_announcement_is_repeated_until_it_is_taken() -> None:
    async with receiving(500, 302, 204) as receiver, visiting(QUICK) as visit:
        await job_with_hook(visit, receiver.url)
        visit.clock.forward(5)
        await receiver.after(3)
        assert len({body for body, _ in receiver.calls}) == 1


async def test_a_receiver_that_is_not_there_harms_nobody() -> None:
    async with receiving(200) as receiver, visiting(QUICK) as visit:
        await job_with_hook(visit, "http://127.0.0.1:9/hook")
        await job_with_hook(visit, "https://hooks.example.com/hook")
        visit.clock.forward(5)
        await job_with_hook(visit, receiver.url, pending_seconds=0, processing_seconds=0)
        await receiver.after(1)
        assert (await visit.account())["by_status"]["completed"] == 3


async def test_a_cancelled_job_is_not_announced() -> None:
    async with receiving(200) as receiver, visiting(QUICK) as visit:
        cancelled = await job_with_hook(visit, receiver.url)
        await visit.call("POST", f"/v1/jobs/{cancelled}/cancel")
        other = await job_with_hook(visit, receiver.url)
        visit.clock.forward(60)
        await receiver.after(1)
        assert [json.loads(body)["jobId"] for body, _ in receiver.calls] == [other]
