import asyncio
import random
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
import pytest

from gateway.sandbox import Faults, SandboxConfig, open_sandbox
from tests.sandbox.visit import KEY, SLUG, StillClock, Visit, until, visiting


async def gone(visit: Visit, **faults: object) -> None:
    with pytest.raises(aiohttp.ClientOSError, match="reset"):
        await visit.submit(sandbox=faults)


async def charged(visit: Visit) -> int:
    return int((await visit.account())["charged"])


async def test_a_reset_before_accepting_makes_no_job(visit: Visit) -> None:
    await gone(visit, reset_before=True)
    assert await charged(visit) == 0


async def test_a_reset_after_accepting_leaves_a_charged_job(visit: Visit) -> None:
    await gone(visit, reset_after=True)
    assert await charged(visit) == 350_000


async def test_a_reset_is_a_tcp_reset_and_not_a_quiet_close(visit: Visit) -> None:
    """Read with a plain socket: a FIN would read as an empty string."""
    parts = urlsplit(visit.sandbox.url)
    body = b'{"model":"google/nano-banana","input":{"sandbox":{"reset_before":true}}}'
    head = f"POST /v1/jobs/submit HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(head.encode() + body)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_a_hanging_submit_leaves_a_charged_job_and_lets_go_when_the_caller_does(visit: Visit) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await visit.submit(sandbox={"hang": True})
    assert await charged(visit) == 350_000
    await until(lambda: visit.sandbox.record.in_flight == 0)


async def test_closing_the_sandbox_does_not_wait_for_hanging_or_slow_submits() -> None:
    async def submit(session: aiohttp.ClientSession, url: str, **faults: object) -> None:
        body = {"model": SLUG, "input": {"sandbox": faults}}
        with suppress(aiohttp.ClientError):
            await session.post(f"{url}/v1/jobs/submit", json=body, headers={"x-api-key": KEY})

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        async with open_sandbox(SandboxConfig(), clock=StillClock(), rng=random.Random(7)) as sandbox:
            tasks.create_task(submit(session, sandbox.url, hang=True))
            tasks.create_task(submit(session, sandbox.url, latency_ms=60_000))
            await until(lambda: sandbox.record.in_flight == 2)
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 0.5


async def test_a_truncated_reply_promises_more_than_it_sends(visit: Visit) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await visit.submit(sandbox={"truncated": True})
    assert await charged(visit) == 350_000


async def test_an_unreadable_reply_is_complete_and_broken(visit: Visit) -> None:
    with pytest.raises(ValueError, match="Expecting"):
        await visit.submit(sandbox={"unreadable": True})
    assert await charged(visit) == 350_000


@pytest.mark.parametrize(("accepted", "spent"), [(False, 0), (True, 350_000)])
async def test_an_error_may_hide_an_accepted_job(visit: Visit, accepted: bool, spent: int) -> None:
    answer = await visit.submit(sandbox={"status": 503, "accepted": accepted})
    assert (answer.status, answer.code) == (503, "PUBSUB_PUBLISH_FAILED")
    assert await charged(visit) == spent


async def test_an_error_in_the_envelope(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"status": 500, "code": "CONFIG_ERROR"})
    assert answer.body.keys() == {"success", "error", "requestId"}
    assert (answer.status, answer.code) == (500, "CONFIG_ERROR")


async def test_an_error_without_the_envelope(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"status": 429, "error_body": "bare"})
    assert answer.body.keys() == {"error"}
    assert answer.body["error"]["details"] == {"retryAfter": 30}


async def test_an_error_page_of_a_proxy(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"status": 502, "error_body": "html", "echo": True})
    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert answer.body == f"<html><body><h1>502</h1>Bearer {KEY}</body></html>"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_names_where_to(visit: Visit, status: int) -> None:
    answer = await visit.submit(sandbox={"redirect": "http://127.0.0.1:9/stolen", "status": status})
    assert (answer.status, answer.headers["Location"]) == (status, "http://127.0.0.1:9/stolen")
    assert await charged(visit) == 0


async def test_errors_echo_the_key_too(visit: Visit) -> None:
    answer = await visit.submit(sandbox={"status": 500, "echo": True})
    assert answer.body["echo"] == answer.headers["X-Sandbox-Echo"] == f"Bearer {KEY}"


async def test_every_fault_can_be_configured() -> None:
    async with visiting(SandboxConfig(faults=Faults(reset_after=True))) as visit:
        await gone(visit)
        assert await charged(visit) == 350_000
