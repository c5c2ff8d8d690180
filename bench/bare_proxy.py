"""The yardstick: an aiohttp proxy that forwards a body and nothing else, with the gateway's own client settings."""

import asyncio
import sys
import time
from types import SimpleNamespace

import uvloop
from aiohttp import web

from gateway.adapters.upstream import open_session


async def _serve(upstream: str, port: int) -> None:
    trace = SimpleNamespace(may_have_left=False, deadline=float("inf"), clock=time)
    headers = {"Authorization": "Bearer pb_bench", "Content-Type": "application/json"}
    async with open_session() as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            posted = session.post(upstream + request.path, data=body, headers=headers, trace_request_ctx=trace)
            async with posted as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

        app = web.Application()
        app.router.add_post("/v1/jobs/submit", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
