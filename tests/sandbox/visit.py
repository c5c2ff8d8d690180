"""A client's visit to a sandbox: real sockets, a clock that stands still until it is told, seeded randomness."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from gateway.sandbox import OpenSandbox, SandboxConfig, open_sandbox

SLUG = "kling/kling-2.6-pro/text-to-video"
KEY = "pb_test_key"


@dataclass
class StillClock:
    now: datetime = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(repr=False)

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


@dataclass(frozen=True)
class Visit:
    sandbox: OpenSandbox
    clock: StillClock
    session: ClientSession

    async def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {KEY}"} if headers is None else headers
        url = self.sandbox.url + path
        async with self.session.request(method, url, data=data, headers=sent, allow_redirects=False) as reply:
            text = await reply.text()
            return Answer(reply.status, json.loads(text) if "json" in reply.content_type else text, reply.headers)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.call("GET", path, headers=headers)

    async def submit(self, model: str = SLUG, headers: Mapping[str, str] | None = None, **given: object) -> Answer:
        """Submit a job with these inputs; `sandbox=` names its faults."""
        sent = {"Authorization": f"Bearer {KEY}", **(headers or {})}
        return await self.call("POST", "/v1/jobs/submit", {"model": model, "input": given}, sent)

    async def job(self, **given: object) -> str:
        """Submit a job that must be accepted; its id."""
        answer = await self.submit(**given)
        assert answer.status == 200, answer
        return str(answer.body["jobId"])

    async def account(self) -> dict[str, Any]:
        return dict((await self.get("/sandbox/account")).body)


@asynccontextmanager
async def visiting(config: SandboxConfig | None = None) -> AsyncIterator[Visit]:
    clock = StillClock()
    async with (
        open_sandbox(config or SandboxConfig(), clock=clock, rng=random.Random(7)) as sandbox,
        ClientSession(timeout=ClientTimeout(total=10)) as session,
    ):
        yield Visit(sandbox, clock, session)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in the background, five seconds at most."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 seconds")
