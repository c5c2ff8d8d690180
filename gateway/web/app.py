"""The two applications: the data plane for key holders, the control plane for operators. A closed table of routes."""

from functools import partial
from typing import Final

from aiohttp import web

from gateway.service.readiness import Probe
from gateway.web import account, hooks, job_routes, jobs, passages, probes
from gateway.web.body import continue_later
from gateway.web.docs import docs_routes
from gateway.web.express import EXPRESS, Lines
from gateway.web.metrics import SCRAPE, Scrape, metrics
from gateway.web.plane import PLANE, PROBE, DataPlane

# Not the two that are addresses of their own, and take another method.
_JOB: Final = "/v1/jobs/{job:(?!(?:submit|estimate)(?:/|$))[^/]+}"
_MODELS: Final = (
    *("/v1/models", "/v1/models/{model}"),
    *("/v1/providers", "/v1/providers/{provider}/models"),
)
_CATALOGUE: Final = (
    *("/v1/catalog/models", "/v1/catalog/models/{slug:.+}"),
    *("/v1/catalog/providers", "/v1/catalog/providers/{provider}"),
    *("/v1/catalog/categories", "/v1/catalog/capability-groups"),
)


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
    _add_job_routes(app.router)
    _add_passages(app.router)
    app.add_routes(_probe_routes())
    return app


def _add_job_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v1/jobs", job_routes.page, allow_head=False)
    router.add_get(_JOB, job_routes.status, allow_head=False)
    router.add_route("POST", f"{_JOB}/cancel", job_routes.cancel, expect_handler=continue_later)


def _add_passages(router: web.UrlDispatcher) -> None:
    router.add_route("POST", "/v1/jobs/estimate", passages.estimate, expect_handler=continue_later)
    router.add_route("POST", "/v1/uploads/presign", passages.presign, expect_handler=continue_later)
    router.add_get("/v1/uploads/{upload:(?!presign$)[^/]+}", passages.upload_status, allow_head=False)
    for path in _MODELS:
        router.add_get(path, passages.models, allow_head=False)
    for path in _CATALOGUE:
        router.add_get(path, passages.catalogue, allow_head=False)


def control_app(admin_routes: list[web.RouteDef], scrape: Scrape, probe: Probe) -> web.Application:
    """What operators and Prometheus call."""
    app = web.Application()
    app[SCRAPE], app[PROBE] = scrape, probe
    scraped = web.get("/metrics", metrics, allow_head=False)
    app.add_routes([*admin_routes, *docs_routes(), scraped, *_probe_routes()])
    return app


def _probe_routes() -> list[web.RouteDef]:
    return [
        web.get("/healthz", probes.healthz),
        web.get("/readyz", probes.readyz),
    ]
