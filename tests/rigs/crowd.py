"""Clients, and everything they were told. What a client saw is what has to be true afterwards."""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.rigs.gateways import GatewayProcess
from tests.walkthrough.house import SEED, SLUG, Key

COST: Final = 700_000

# What a client sees of a process that dies under it.
BROKEN: Final = (aiohttp.ClientError, ConnectionError, TimeoutError)


@dataclass(slots=True)
class Attempt:
    """One submit as its client saw it. Times are monotonic; `status` stays None when no answer came."""

    request: str
    gateway: str
    key: str
    sent: float
    idempotency: str | None = None
    ended: float | None = None
    status: int | None = None
    document: Any = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def accepted(self) -> bool:
        return self.status == 200

    @property
    def job(self) -> str:
        return str(self.document["jobId"])

    @property
    def told(self) -> str:
        """What it came to, in a word: `accepted`, an error's code, or `no answer`."""
        if self.status is None:
            return "no answer"
        return "accepted" if self.accepted else str(self.document["error"]["code"])


class Crowd:
    """Sends submits of $0.70 and keeps all that came of them. Every attempt has a request id of its own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.attempts: list[Attempt] = []
        self._session = session

    async def submit(
        self,
        gateway: GatewayProcess,
        key: Key,
        *,
        idempotency: str | None = None,
        model: str = SLUG,
        webhook: str | None = None,
        **given: object,
    ) -> Attempt:
        """One submit, to its end, whatever that is.

        Of another model than the usual one, `given` is all there is. `webhook`: where the client wants to be told.
        """
        attempt = Attempt(f"try-{len(self.attempts)}", gateway.name, key.id, time.monotonic(), idempotency)
        self.attempts.append(attempt)
        headers = {"Authorization": f"Bearer {key.secret}", "X-Request-Id": attempt.request}
        if idempotency is not None:
            headers["Idempotency-Key"] = idempotency
        body = {
            "model": model,
            "input": {**(SEED if model == SLUG else {}), **given},
            **({} if webhook is None else {"webhookUrl": webhook}),
        }
        try:
            async with self._session.post(f"{gateway.url}/v1/jobs/submit", json=body, headers=headers) as reply:
                raw = await reply.read()
                attempt.status, attempt.headers = reply.status, dict(reply.headers)
                attempt.document = json.loads(raw)
        except BROKEN:
            attempt.status = None
        attempt.ended = time.monotonic()
        return attempt

    @property
    def accepted(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.accepted]

    def told(self) -> Counter[str]:
        """How often clients were told what."""
        return Counter(attempt.told for attempt in self.attempts)


async def ask(
    session: aiohttp.ClientSession, gateway: GatewayProcess, key: Key, path: str, method: str = "GET"
) -> tuple[int, Any]:
    """One request of a key holder's; its status and document."""
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with session.request(method, gateway.url + path, headers=headers) as reply:
        return reply.status, await reply.json()


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """For any number of clients, each on a connection of its own: none is reused that a dead process left behind."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
        yield session
