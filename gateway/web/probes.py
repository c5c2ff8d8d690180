"""`/healthz`: the process lives. `/readyz`: a submit could be admitted now. On both planes; neither asks upstream."""

from aiohttp import web

from gateway.web.plane import PROBE


async def healthz(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"alive": True})


async def readyz(request: web.Request) -> web.StreamResponse:
    readiness = await request.app[PROBE]()
    document = {"ready": readiness.ready, "checks": dict(readiness.checks), "degraded": list(readiness.degraded)}
    return web.json_response(document, status=200 if readiness.ready else 503)
