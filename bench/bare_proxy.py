"""The yardstick: an aiohttp proxy that forwards a body and nothing else, with a client session tuned to do no more."""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web


def _session() -> aiohttp.ClientSession:
    """No cookies, no proxies from the environment, no decompression, no automatic headers."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=15),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        requote_redirect_url=False,
    )


async def _serve(upstream: str, port: int) -> None:
    headers = {"Authorization": "Bearer pb_bench", "Content-Type": "application/json"}
    async with _session() as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            async with session.post(upstream + request.path, data=body, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

        app = web.Application()
        app.router.add_post("/v1/jobs/submit", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
