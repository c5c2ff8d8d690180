"""Webhooks: one POST per completed or failed job, signed and retried as documented. Cancelled jobs have none.

Only addresses of this machine are called, and those below the configured prefix; others are accepted and left alone,
because a stand-in has no business with strangers.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from gateway.sandbox.calls import WORLD
from gateway.sandbox.jobs import Job, Status
from gateway.sandbox.orders import is_loopback
from gateway.sandbox.shapes import FAILURE, maybe, output_url
from gateway.sandbox.world import Clock, SandboxConfig, World, advance

_ANSWER_WITHIN: Final = ClientTimeout(total=30)
_POLL_SECONDS: Final = 0.05


async def announcing(app: web.Application) -> AsyncIterator[None]:
    """Own the task that delivers, from start to stop of the application."""
    async with asyncio.TaskGroup() as tasks:
        announcer = tasks.create_task(_announce(app[WORLD]))
        yield
        announcer.cancel()


async def _announce(world: World) -> None:
    """Sleep until a job wants a webhook, then look at the clock until no job is left without an end."""
    async with ClientSession(timeout=_ANSWER_WITHIN) as session, asyncio.TaskGroup() as deliveries:
        while True:
            await world.webhook_wanted.wait()
            advance(world, world.clock())
            while world.finished:
                job = world.finished.popleft()
                if (url := address(job, world.config.webhook_prefix)) is not None:
                    deliveries.create_task(_deliver(session, world.config, world.clock, job, url))
            if world.jobs.active == 0:
                world.webhook_wanted.clear()
            await asyncio.sleep(_POLL_SECONDS)


def address(job: Job, prefix: str | None) -> str | None:
    """Where to announce the job's end; None: nowhere that this sandbox would call."""
    url = job.webhook_url
    if url is None or is_loopback(urlsplit(url).hostname):
        return url
    return url if prefix is not None and url.startswith(prefix) else None


async def _deliver(session: ClientSession, config: SandboxConfig, clock: Clock, job: Job, url: str) -> None:
    """The first call, and one more after each of the configured waits until a 2xx."""
    body = encoded(job)
    for wait in (0.0, *config.webhook_retries):
        await asyncio.sleep(wait)
        headers = signed(body, int(clock().timestamp()), config.webhook_secret)
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as reply:
                if 200 <= reply.status < 300:
                    return
        except (ClientError, TimeoutError, ValueError):
            continue


def encoded(job: Job) -> bytes:
    """The bytes that are signed and sent."""
    return json.dumps(payload(job)).encode()


def payload(job: Job) -> dict[str, object]:
    """The documented body: no cost, no model; `output` on success, `error` on failure."""
    body: dict[str, object] = {
        "jobId": job.id,
        "requestId": job.request_id,
        "status": job.ended,
        "completedAt": maybe(job.ended_at),
    }
    if job.ended is Status.FAILED:
        return {**body, "error": dict(FAILURE)}
    return {**body, "output": {f"{job.media}Url": output_url(job)}}


def signed(body: bytes, at: int, secret: str) -> dict[str, str]:
    """HMAC-SHA-256 over `<Unix seconds>.<raw body>`, in the two documented headers."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-PixelByte-Timestamp": str(at),
        "X-PixelByte-Signature": f"sha256={digest}",
    }
