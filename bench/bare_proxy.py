"""The yardstick: an aiohttp proxy that reads a body, swaps the key, posts the body and answers with the reply's bytes.

The rule of this file: it does as little as a proxy on aiohttp can. No limits, prices, checks, logs or metrics; its
client is tuned as well as a proxy's can be: no cookies, no headers by itself, no decompression, connections kept alive,
no tracing. Run it with the upstream's URL and a port.
"""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web
from yarl import URL


def open_session() -> aiohttp.ClientSession:
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
    url = URL(upstream + "/v1/jobs/submit")
    headers = {"Authorization": "Bearer pb_bench", "Content-Type": "application/json", "Accept-Encoding": "identity"}
    async with open_session() as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

        app = web.Application()
        app.router.add_post("/v1/jobs/submit", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
