"""The provider's seventeen routes as a client calls them, and an upstream that says whatever the test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from gateway.sandbox.replies import STATUS_OF
from tests.walkthrough.house import SLUG, Answer, House, Key, open_house
from tests.walkthrough.outcomes import accepted
from tests.walkthrough.policies import budget, team
from tests.walkthrough.stranger import Stranger, reply, stranger

JOB: Final = "job_ours"
UPLOAD: Final = "0d3f7a52-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `scope` is what a key needs for it, None where anybody may; `body` is what a client sends."""

    method: str
    path: str
    scope: str | None
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


SUBMIT: Final = Route("POST", "/v1/jobs/submit", "submit_job", {"model": SLUG, "input": {"prompt": "a dog"}})
LIST: Final = Route("GET", "/v1/jobs", "check_status")
PASSING: Final = (
    Route("POST", "/v1/jobs/estimate", "check_status", {"model": SLUG, "input": {"duration": 5}, "odd": [1.50]}),
    Route("GET", f"/v1/jobs/{JOB}", "check_status"),
    Route("POST", f"/v1/jobs/{JOB}/cancel", "submit_job"),
    Route("GET", "/v1/models", "list_models"),
    Route("GET", "/v1/models/model_abc123", "list_models"),
    Route("GET", "/v1/providers", "list_models"),
    Route("GET", "/v1/providers/kling-plus/models", "list_models"),
    Route("POST", "/v1/uploads/presign", "submit_job", {"filename": "a.png", "contentType": "image/png"}),
    Route("GET", f"/v1/uploads/{UPLOAD}", "submit_job"),
)
CATALOGUE: Final = (
    Route("GET", "/v1/catalog/models", None),
    Route("GET", "/v1/catalog/models/google/nano-banana", None),
    Route("GET", f"/v1/catalog/models/{SLUG}", None),
    Route("GET", "/v1/catalog/providers", None),
    Route("GET", "/v1/catalog/providers/kling", None),
    Route("GET", "/v1/catalog/categories", None),
    Route("GET", "/v1/catalog/capability-groups", None),
)
CODES: Final = sorted(STATUS_OF.items())


@dataclass
class Provider:
    """What the upstream says to every request, from now on; and what it was asked."""

    stranger: Stranger
    said: list[bytes] = field(default_factory=list)

    def says(self, status: int, body: bytes, *headers: str) -> None:
        self.said[:] = [reply(status, body, "Content-Type: application/json", *headers)]

    @property
    def last(self) -> tuple[str, bytes]:
        """Head and body of the last request."""
        return self.stranger.head(-1), self.stranger.body(-1)


@dataclass
class Visit:
    """A house with that provider, a key that may do everything, a job JOB of it and an upload UPLOAD."""

    house: House
    provider: Provider
    key: Key
    _bodies: "count[int]" = field(default_factory=count)

    async def ask(self, route: Route, key: Key | None, query: str = "", **more: Any) -> Answer:
        body = route.body
        if route == SUBMIT:
            body = {"model": SLUG, "input": {"prompt": f"dog {next(self._bodies)}"}}
        return await self.house.ask(route.method, route.path + query, key, body=body, **more)


@asynccontextmanager
async def visit(**settings: str) -> AsyncIterator[Visit]:
    said: list[bytes] = []

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(said[0])
        await writer.drain()

    async with stranger(act) as there, open_house(team(budget("900.00")), upstream=there.url, **settings) as house:
        provider, key = Provider(there, said), await house.key()
        provider.says(200, accepted(JOB))
        assert (await house.ask("POST", SUBMIT.path, key, body=SUBMIT.body)).status == 200
        provider.says(200, json.dumps({"success": True, "data": {"fileId": UPLOAD}, "requestId": "r"}).encode())
        assert (await house.ask("POST", "/v1/uploads/presign", key, body={"filename": "a.png"})).status == 200
        yield Visit(house, provider, key)
