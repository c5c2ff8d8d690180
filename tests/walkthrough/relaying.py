"""A house whose provider can reach it, and a client who wants to be told."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from gateway.sandbox import Faults, SandboxConfig
from tests.adapters.webhooks.strangers import Answer, Stranger, stranger
from tests.adapters.webhooks.strangers import thanks as thanks
from tests.walkthrough.house import SEED, SLUG, House, Key, open_house, until
from tests.walkthrough.house import Answer as Told

SECRET: Final = "whsec_of_this_account"
# A job that is over before anybody has looked twice.
BRIEF: Final = Faults(pending_seconds=0.05, processing_seconds=0.05)


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who submits, and a receiver that it names."""

    house: House
    key: Key
    receiver: Stranger

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}/hook?token=of-the-client"

    async def submit(self, headers: dict[str, str] | None = None, **fields: object) -> Told:
        """A submit that names the receiver, unless `fields` say otherwise."""
        body = {"model": SLUG, "input": {**SEED}, "webhookUrl": self.url, **fields}
        if body["webhookUrl"] is None:
            del body["webhookUrl"]
        return await self.house.ask("POST", "/v1/jobs/submit", self.key, body=body, headers=headers)

    async def told(self, events: int = 1) -> list[tuple[dict[str, str], bytes]]:
        """What the receiver was sent, once it is so much."""

        async def so_much() -> bool:
            return len(self.receiver.requests) >= events

        await until(so_much)
        return [(headers, body) for _, headers, body in self.receiver.requests]

    async def secret(self) -> str:
        answer = await self.house.control("GET", "/admin/v1/teams/video/secret")
        assert answer.status == 200, answer
        return str(answer.document["secret"])

    async def webhooks(self) -> list[Any]:
        return list((await self.house.control("GET", "/admin/v1/webhooks")).document["webhooks"])


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def relaying(
    *files: dict[str, str],
    faults: Faults = BRIEF,
    retries: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6),
    answer: Answer = thanks,
    **settings: str,
) -> AsyncIterator[Client]:
    """The provider signs with `SECRET` and tries again after `retries`; the client's receiver answers so."""
    port = free_port()
    ours = {
        "listen": f"127.0.0.1:{port}",
        "public_url": f"http://127.0.0.1:{port}",
        "upstream_webhook_secret": SECRET,
        "webhook_allow_hosts": "127.0.0.0/8",
        **settings,
    }
    provider = SandboxConfig(webhook_secret=SECRET, webhook_retries=retries, keep_requests=5000)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(stranger(answer))
        house = await stack.enter_async_context(open_house(*files, faults=faults, sandbox=provider, **ours))
        yield Client(house, await house.key(), receiver)


def sent_body(house: House, place: int = -1) -> Any:
    """A submit as the provider got it."""
    return json.loads(house.sandbox.record.submits[place].body)
