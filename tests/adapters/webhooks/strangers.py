"""What a client's address may lead to: a server on this machine, and names that mean what the test says."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Names(AbstractResolver):
    """Every name means the next of these addresses, the last one for ever; several are told at once."""

    def __init__(self, *meanings: str | tuple[str, ...]) -> None:
        self._meanings = [(one,) if isinstance(one, str) else one for one in meanings]
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        meant = self._meanings[min(len(self.asked), len(self._meanings)) - 1]
        return [
            ResolveResult(
                hostname=host, host=one, port=port, proto=0, flags=0,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
            )
            for one in meant
        ]  # fmt: skip

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(slots=True)
class Stranger:
    """A server that keeps what it is sent. `connections` counts them, whatever came over them."""

    port: int = 0
    connections: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def answered(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        self.requests.append((request.path_qs, dict(request.headers), await request.read()))
        return await answer(request)


async def thanks(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


@asynccontextmanager
async def stranger(answer: Answer = thanks, host: str = "127.0.0.1") -> AsyncIterator[Stranger]:
    """Listen on loopback and answer every POST so."""
    met = Stranger()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        return await met.answered(request, answer)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()

    inner = runner.server
    assert inner is not None

    def connected() -> asyncio.Protocol:
        met.connections += 1
        return inner()

    server = await asyncio.get_running_loop().create_server(connected, host, 0)
    met.port = server.sockets[0].getsockname()[1]
    try:
        yield met
    finally:
        server.close()
        await runner.cleanup()
