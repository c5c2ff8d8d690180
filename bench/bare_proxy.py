"""The yardstick: an aiohttp proxy that reads a body, swaps the key, posts the body and answers with the reply's bytes.

The rule of this file: it does as little as a proxy on aiohttp can. No limits, prices, checks, logs or metrics. Its
client has the settings that the gateway's would have on aiohttp: no cookies, no headers by itself, no decompression,
no redirects, connections kept alive, one deadline, and a hook that tells whether a byte may have left. Run it with
the upstream's URL and a port; `unaware` as a third word leaves deadline and hook out.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import uvloop
from aiohttp import web
from yarl import URL

_PATIENCE_S: Final = 30.0
_HEADERS: Final = {
    "Authorization": "Bearer pb_bench",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
}


def open_session(*hooks: aiohttp.TraceConfig) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=15),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=list(hooks),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        requote_redirect_url=False,
    )


async def _ready(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    """A connection is there: from here on a byte may leave, unless it is too late for that."""
    if time.monotonic() >= context.trace_request_ctx.deadline:
        raise TimeoutError
    context.trace_request_ctx.may_have_left = True


def _hook() -> aiohttp.TraceConfig:
    hook = aiohttp.TraceConfig()
    hook.on_connection_create_end.append(_ready)
    hook.on_connection_reuseconn.append(_ready)
    return hook


def _aware(session: aiohttp.ClientSession, url: URL) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        sent = SimpleNamespace(may_have_left=False, deadline=time.monotonic() + _PATIENCE_S)
        async with (
            asyncio.timeout(_PATIENCE_S),
            session.post(url, data=body, headers=_HEADERS, allow_redirects=False, trace_request_ctx=sent) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    return forward


def _unaware(session: aiohttp.ClientSession, url: URL) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        async with session.post(url, data=body, headers=_HEADERS, allow_redirects=False) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    return forward


async def _serve(upstream: str, port: int, *, aware: bool) -> None:
    url = URL(upstream + "/v1/jobs/submit")
    async with open_session(*([_hook()] if aware else [])) as session:
        app = web.Application()
        app.router.add_post("/v1/jobs/submit", (_aware if aware else _unaware)(session, url))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]), aware="unaware" not in sys.argv[3:]))
