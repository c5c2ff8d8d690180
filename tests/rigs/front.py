"""The one address behind which all gateways are, as a load balancer has it: each connection goes to one that runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from urllib.parse import urlsplit

from tests.rigs.gateways import GatewayProcess

_PIECE = 1 << 16


@asynccontextmanager
async def front(gateways: Sequence[GatewayProcess], rng: Random) -> AsyncIterator[str]:
    """Listen on loopback; the address. `gateways` may come later; who comes while none runs is hung up on."""
    served: set[asyncio.Task[None]] = set()

    def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_serve(client, to_client, [each for each in gateways if each.up], rng))
        served.add(task)
        task.add_done_callback(served.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_PIECE)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for task in list(served):
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)


async def _serve(
    client: asyncio.StreamReader, to_client: asyncio.StreamWriter, up: Sequence[GatewayProcess], rng: Random
) -> None:
    to_gateway: asyncio.StreamWriter | None = None
    try:
        if up:
            parts = urlsplit(rng.choice(up).url)
            gateway, to_gateway = await asyncio.open_connection(parts.hostname, parts.port, limit=_PIECE)
            ways = [asyncio.ensure_future(_way(client, to_gateway)), asyncio.ensure_future(_way(gateway, to_client))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    except OSError:
        # It died before it was reached.
        pass
    finally:
        for end in (to_client, to_gateway):
            if end is not None:
                end.transport.abort() if end.transport.get_write_buffer_size() == 0 else end.close()


async def _way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        sink.write(piece)
        await sink.drain()
