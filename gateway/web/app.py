"""The two applications: the data plane for key holders, the control plane for operators. A closed table of routes."""

from functools import partial

from aiohttp import web

from gateway.service.readiness import Probe
from gateway.web import account, hooks, jobs, probes
from gateway.web.body import continue_later
from gateway.web.express import EXPRESS, Lines
from gateway.web.metrics import SCRAPE, Scrape, metrics
from gateway.web.plane import PLANE, PROBE, DataPlane


def data_app(plane: DataPlane, probe: Probe) -> web.Application:
    """What teams call. Anything that is not listed here is 404: nothing unpriced is ever forwarded."""
    app = web.Application()
    app[PLANE], app[PROBE] = plane, probe
    lines: Lines = {"POST /v1/jobs/submit HTTP/1.1": partial(jobs.express_submit, plane)}
    app[EXPRESS] = lines
    app.router.add_route("POST", "/v1/jobs/submit", jobs.submit, expect_handler=continue_later)
    app.router.add_route("POST", "/tollhouse/v1/quote", account.quote, expect_handler=continue_later)
    app.router.add_get("/tollhouse/v1/me", account.me, allow_head=False)
    if plane.hooks is not None:
        app.router.add_route("POST", hooks.PATH + "{token}", hooks.heard, expect_handler=continue_later)
    app.add_routes(_probe_routes())
    return app


def control_app(admin_routes: list[web.RouteDef], scrape: Scrape, probe: Probe) -> web.Application:
    """What operators and Prometheus call."""
    app = web.Application()
    app[SCRAPE], app[PROBE] = scrape, probe
    app.add_routes([*admin_routes, web.get("/metrics", metrics, allow_head=False), *_probe_routes()])
    return app


def _probe_routes() -> list[web.RouteDef]:
    return [
        web.get("/healthz", probes.healthz),
        web.get("/readyz", probes.readyz),
    ]
