"""Both planes, listening on ports and on sockets."""

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import ClientError, ClientSession, UnixConnector, web

from gateway.adapters.system import SystemEntropy
from gateway.service.readiness import Probe
from gateway.settings import Address, Settings
from gateway.wiring.planes import Doors
from gateway.wiring.trouble import CannotStart
from tests.wiring.starting import settings


def app(seconds: float = 0.0, arrived: asyncio.Event | None = None) -> web.Application:
    """Answers after so many seconds, and says when it was asked."""

    async def answers(_request: web.Request) -> web.Response:
        if arrived is not None:
            arrived.set()
        await asyncio.sleep(seconds)
        return web.Response(text="here")

    made = web.Application()
    made.router.add_get("/", answers)
    return made


def opened(stack: AsyncExitStack, given: Settings) -> Doors:
    """Doors that the stack closes."""
    doors = Doors(given, SystemEntropy())
    stack.push_async_callback(doors.close)
    return doors


async def test_on_a_free_port_behind_the_edge(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack, ClientSession() as session:
        url = await opened(stack, settings(tmp_path)).listen(app(), Address("127.0.0.1", 0))
        async with session.get(url) as reply:
            assert await reply.text() == "here"
            assert reply.headers["X-Request-Id"].startswith("req_")
        async with session.get(url + "/nowhere") as reply:
            assert (reply.status, (await reply.json())["error"]["code"]) == (404, "NOT_FOUND")
        port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_on_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "data.sock")
    async with AsyncExitStack() as stack:
        url = await opened(stack, settings(tmp_path)).listen(app(), Address("", 0, path))
        assert url == f"unix:{path}"
        async with ClientSession(connector=UnixConnector(path)) as session, session.get("http://tollhouse/") as reply:
            assert await reply.text() == "here"


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with AsyncExitStack() as stack:
            with pytest.raises(CannotStart, match=f"cannot listen at http://127.0.0.1:{port}: "):
                await opened(stack, settings(tmp_path)).listen(app(), Address("127.0.0.1", port))


async def test_a_running_request_may_finish_within_the_grace(tmp_path: Path) -> None:
    grace, arrived = settings(tmp_path, shutdown_grace="5s", upstream_timeout="1s"), asyncio.Event()
    async with ClientSession() as session:
        async with AsyncExitStack() as stack:
            url = await opened(stack, grace).listen(app(0.2, arrived), Address("127.0.0.1", 0))
            running = asyncio.create_task(_text(session, url))
            await arrived.wait()
        assert await running == "here"


async def _text(session: ClientSession, url: str) -> str:
    async with session.get(url) as reply:
        return await reply.text()


async def test_until_the_delay_is_over_everybody_is_answered_and_sent_elsewhere(tmp_path: Path) -> None:
    given = settings(tmp_path, shutdown_delay="300ms")
    probe = Probe(SimpleNamespace(), SimpleNamespace())
    async with AsyncExitStack() as stack, ClientSession() as session:
        doors = opened(stack, given)
        url = await doors.listen(app(), Address("127.0.0.1", 0))
        leaving = asyncio.create_task(doors.empty(probe))
        await asyncio.sleep(0)
        assert probe.draining
        async with session.get(url) as reply:
            assert (await reply.text(), reply.headers["Connection"]) == ("here", "close")
        assert not leaving.done()
        await leaving


async def test_the_grace_is_one_for_both_planes(tmp_path: Path) -> None:
    given = settings(tmp_path, shutdown_grace="200ms", upstream_timeout="100ms")
    first, second = asyncio.Event(), asyncio.Event()
    async with ClientSession() as session, asyncio.timeout(10):
        async with AsyncExitStack() as stack:
            doors = opened(stack, given)
            urls = [await doors.listen(app(60, one), Address("127.0.0.1", 0)) for one in (first, second)]
            running = [asyncio.create_task(_text(session, url)) for url in urls]
            await first.wait()
            await second.wait()
        for one in running:
            with pytest.raises(ClientError):
                await one
