"""The sandbox as an application, and as a server that comes and goes with an `async with`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.sandbox import catalogue_routes, control, job_routes, upload_routes
from gateway.sandbox.account import AccountBook
from gateway.sandbox.calls import WORLD, keyed, keyless
from gateway.sandbox.catalogue import models
from gateway.sandbox.jobs import JobBook
from gateway.sandbox.randomness import Randomness
from gateway.sandbox.record import Record
from gateway.sandbox.submit import submit
from gateway.sandbox.webhooks import announcing
from gateway.sandbox.world import Clock, SandboxConfig, World

# Larger than what a gateway lets through: the sandbox is not the one to stop a large body.
_MAX_BODY: Final = 16 * 1024 * 1024
_SHUTDOWN_SECONDS: Final = 1.0
_BACKLOG: Final = 1024


def create_sandbox(config: SandboxConfig, clock: Clock, rng: Randomness) -> web.Application:
    """The stand-in upstream. `clock` answers aware UTC; ids and failing jobs are drawn from `rng`."""
    models()
    app = web.Application(client_max_size=_MAX_BODY)
    app[WORLD] = World(config, clock, rng)
    app.add_routes(_routes())
    app.cleanup_ctx.append(announcing)
    app.on_shutdown.append(_let_go)
    return app


def _routes() -> list[web.RouteDef]:
    return [
        web.post("/v1/jobs/submit", submit),
        web.post("/v1/jobs/estimate", keyed(job_routes.estimate)),
        web.get("/v1/jobs", keyed(job_routes.page)),
        web.get("/v1/jobs/{job_id}", keyed(job_routes.status)),
        web.post("/v1/jobs/{job_id}/cancel", keyed(job_routes.cancelled)),
        web.get("/v1/models", keyed(catalogue_routes.list_models)),
        web.get("/v1/models/{model_id}", keyed(catalogue_routes.one_model)),
        web.get("/v1/providers", keyed(catalogue_routes.list_providers)),
        web.get("/v1/providers/{provider_id}/models", keyed(catalogue_routes.provider_models)),
        web.post("/v1/uploads/presign", keyed(upload_routes.presign)),
        web.get("/v1/uploads/{upload_id}", keyed(upload_routes.upload_status)),
        web.get("/v1/catalog/models", keyless(catalogue_routes.catalogue_models)),
        web.get("/v1/catalog/models/{slug:.+}", keyless(catalogue_routes.catalogue_model)),
        web.get("/v1/catalog/providers", keyless(catalogue_routes.catalogue_providers)),
        web.get("/v1/catalog/providers/{provider_id}", keyless(catalogue_routes.catalogue_provider)),
        web.get("/v1/catalog/categories", keyless(catalogue_routes.categories)),
        web.get("/v1/catalog/capability-groups", keyless(catalogue_routes.capability_groups)),
        web.put("/sandbox/files/{upload_id}", keyless(upload_routes.take_file)),
        web.get("/sandbox/account", keyless(control.account)),
        web.get("/sandbox/requests", keyless(control.requests)),
        web.post("/sandbox/reset", keyless(control.reset)),
        web.route("*", "/{path:.*}", keyless(control.no_route)),
    ]


async def _let_go(app: web.Application) -> None:
    app[WORLD].closing.set()


@dataclass(frozen=True, slots=True)
class OpenSandbox:
    """A sandbox that listens at `url`. `world.faults` may be exchanged while it runs."""

    url: str
    world: World

    @property
    def account(self) -> AccountBook:
        return self.world.account

    @property
    def jobs(self) -> JobBook:
        return self.world.jobs

    @property
    def record(self) -> Record:
        return self.world.record


@asynccontextmanager
async def open_sandbox(
    config: SandboxConfig, host: str = "127.0.0.1", port: int = 0, *, clock: Clock, rng: Randomness
) -> AsyncIterator[OpenSandbox]:
    """Listen on `host`; port 0 takes a free one. Raises OSError when the port is taken."""
    app = create_sandbox(config, clock, rng)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        yield OpenSandbox(url_of(host, runner.addresses[0][1]), app[WORLD])
    finally:
        await runner.cleanup()


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
