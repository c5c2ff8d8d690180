"""A gateway is killed between what it was told and what it tells: the client hears of it all the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import connect
from tests.adapters.webhooks.strangers import Stranger, stranger
from tests.rigs.child import until_so
from tests.rigs.fleet import Fleet, open_fleet
from tests.walkthrough.house import SEED, SLUG
from tests.walkthrough.policies import budget, team
from tests.walkthrough.relaying import free_port

pytestmark = pytest.mark.xdist_group("crash")

BRIEF = {"pending_seconds": 0.05, "processing_seconds": 0.05}


class Receiver:
    """Answers the first calls with these statuses, all others with 204; 0 is no answer before the test is over."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            await request.content.read()
            await asyncio.sleep(3600)
        return web.Response(status=status or 204)


@dataclass(slots=True)
class Scene:
    fleet: Fleet
    client: Stranger

    async def submit(self) -> str:
        """One submit; the job's id."""
        gateway, key = self.fleet.gateways[0], await self.fleet.key()
        url = f"http://127.0.0.1:{self.client.port}/hook"
        body = {"model": SLUG, "input": {**SEED, "sandbox": BRIEF}, "webhookUrl": url}
        headers = {"Authorization": f"Bearer {key.secret}"}
        async with self.fleet.session.post(f"{gateway.url}/v1/jobs/submit", json=body, headers=headers) as reply:
            document: Any = await reply.json()
            assert reply.status == 200, document
            return str(document["jobId"])

    async def called(self, times: int) -> None:
        async def so_often() -> bool:
            return len(self.client.requests) >= times

        await until_so(so_often)

    async def stands(self) -> list[tuple[bytes, bytes]]:
        """How far each event has come, by the store, and after how many tries."""
        store = connect(self.fleet.store.url)
        try:
            names = [name async for name in store.client.scan_iter(match=keys.event("*"))]
            return [tuple(await store.client.hmget(name, "state", "tries")) for name in names]
        finally:
            await store.close()

    async def becomes(self, state: bytes, tries: int) -> None:
        async def so() -> bool:
            return await self.stands() == [(state, b"%d" % tries)]

        await until_so(so)


@asynccontextmanager
async def scene(*statuses: int) -> AsyncIterator[Scene]:
    port = free_port()
    settings = {
        "listen": f"127.0.0.1:{port}",
        "public_url": f"http://127.0.0.1:{port}",
        # The rig's provider has the sandbox's usual secret.
        "upstream_webhook_secret": "whsec_sandbox",
        "webhook_allow_hosts": "127.0.0.0/8",
    }
    async with (
        stranger(Receiver(*statuses)) as client,
        open_fleet(team(budget("100.00")), gateways=1, **settings) as fleet,
    ):
        yield Scene(fleet, client)
        await fleet.in_order()


def ids(client: Stranger) -> set[str]:
    return {headers["Tollhouse-Event-Id"] for _, headers, _ in client.requests}


async def test_killed_before_it_could_tell_again() -> None:
    async with scene(500) as at:
        await at.submit()
        await at.becomes(b"pending", tries=1)
        at.fleet.gateways[0].kill()
        await at.fleet.gateways[0].start()
        await at.becomes(b"sent", tries=2)
        assert len(at.client.requests) == 2
        assert len(ids(at.client)) == 1


@pytest.mark.long
async def test_killed_while_it_tells() -> None:
    """What it had taken is taken again when its lease is over."""
    async with scene(0) as at:
        await at.submit()
        await at.called(1)
        at.fleet.gateways[0].kill()
        await at.fleet.gateways[0].start()
        await at.becomes(b"sent", tries=1)
        assert (len(at.client.requests), len(ids(at.client))) == (2, 1)


async def test_stopped_orderly_while_it_tells_and_nothing_waits_for_the_client() -> None:
    async with scene(0) as at:
        await at.submit()
        await at.called(1)
        assert await at.fleet.gateways[0].stop() == 0
        assert await at.stands() == [(b"pending", b"0")]
        await at.fleet.gateways[0].start()
