"""A gateway from its settings: every part made once, in order, and taken down in the opposite order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from gateway import __version__
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.secret_files import kept_secret
from gateway.adapters.system import SystemClock, SystemEntropy
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.adapters.upstream import HttpUpstream, open_session
from gateway.core.webhook_address import allowed_host
from gateway.ports import StoreUnavailable
from gateway.sandbox import Drawn, SandboxConfig, open_sandbox
from gateway.service.background import every, keep
from gateway.service.demo import demo_key, retire_demo_key
from gateway.service.gauges import Gauges
from gateway.service.keyring import Keyring
from gateway.service.outbox import Outbox
from gateway.service.preview import Previews
from gateway.service.readiness import Probe
from gateway.service.submit import Submit
from gateway.settings import PROVIDER_URL, Settings
from gateway.web.admin import Control, admin_routes
from gateway.web.app import control_app, data_app
from gateway.web.auth import Auth
from gateway.web.metrics import Scrape
from gateway.web.plane import DataPlane
from gateway.wiring.planes import listen
from gateway.wiring.secrets import gateway_secrets, upstream_key
from gateway.wiring.store import identify, open_desk, open_store, policies_directory
from gateway.wiring.trouble import CannotStart

_REFRESH_S: Final = 0.5
_SANDBOX_KEY: Final = "pb_sandbox"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, for the banner and for tests. `demo_key` is there in sandbox mode."""

    version: str
    data_url: str
    control_url: str
    upstream_url: str
    sandbox_url: str
    store: str
    data_dir: Path
    policies: Path
    demo_key: str | None


@dataclass(frozen=True, slots=True)
class _Upstreams:
    real: HttpUpstream
    sandbox: HttpUpstream
    real_url: str
    sandbox_url: str


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Run the gateway until the context ends, then let running submits finish. Raises CannotStart."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        try:
            gateway = await _open(stack, settings)
        except StoreUnavailable as error:
            raise CannotStart(f"the store cannot be used: {error}") from None
        yield gateway


async def _open(stack: AsyncExitStack, settings: Settings) -> Gateway:
    clock, entropy, telemetry = SystemClock(), SystemEntropy(), PrometheusTelemetry(__version__)
    secrets = gateway_secrets(settings, entropy)
    store = await open_store(stack, settings, telemetry.store_call)
    ours = await identify(store, settings, entropy)
    desk = await open_desk(store, ours, settings)
    ledger, keys, vitals = RedisLedger(store, ours.epoch), RedisVirtualKeys(store), RedisVitals(store)
    keyring = Keyring(keys, desk, clock, entropy, secrets.peppers)
    outbox = Outbox(ledger, clock)
    upstreams = await _open_upstreams(stack, settings, clock, entropy)
    submit = Submit(
        desk=desk,
        keyring=keyring,
        ledger=ledger,
        upstream=upstreams.real,
        sandbox=upstreams.sandbox,
        outbox=outbox,
        clock=clock,
        entropy=entropy,
        patience=timedelta(seconds=settings.upstream_timeout),
        webhook_hosts=tuple(allowed_host(host) for host in settings.webhook_allow_hosts),
    )
    works: Mapping[str, Callable[[], Awaitable[None]]] = {
        "policy refresh": partial(every, _REFRESH_S, desk.refresh),
        "unacknowledged moves": outbox.run,
    }
    _start_in_background(stack, works, outbox.flush)
    probe = Probe(vitals, desk, clock, ours.epoch)
    plane = DataPlane(
        auth=Auth(keyring, settings.trusted_proxies),
        submit=submit,
        previews=Previews(desk, ledger, clock),
        desk=desk,
        telemetry=telemetry,
        clock=clock,
        max_body=settings.max_body,
        body_timeout=settings.body_timeout,
    )
    admin = admin_routes(Control(keyring, desk, clock, secrets.admin_key))
    control = control_app(admin, Scrape(Gauges(desk, ledger, keys, vitals, clock), telemetry), probe)
    control_url = await listen(stack, control, settings.control_listen, settings, entropy)
    data_url = await listen(stack, data_app(plane, probe), settings.listen, settings, entropy)
    stack.callback(_drain, probe)
    return Gateway(
        version=__version__,
        data_url=data_url,
        control_url=control_url,
        upstream_url=upstreams.real_url,
        sandbox_url=upstreams.sandbox_url,
        store="embedded" if settings.embedded else "TOLLHOUSE_REDIS_URL",
        data_dir=settings.data_dir.absolute(),
        policies=policies_directory(settings).absolute(),
        demo_key=await _demo_key(keyring, settings),
    )


async def _open_upstreams(
    stack: AsyncExitStack, settings: Settings, clock: SystemClock, entropy: SystemEntropy
) -> _Upstreams:
    """The built-in sandbox, for test keys and for everybody without a real key; and what has the real key."""
    opened = open_sandbox(SandboxConfig(), clock=clock.now, rng=Drawn(entropy.token))
    sandbox_url = (await stack.enter_async_context(opened)).url
    session = await stack.enter_async_context(open_session())
    sandbox = HttpUpstream(session, sandbox_url, lambda: _SANDBOX_KEY, clock)
    if settings.sandboxed:
        return _Upstreams(sandbox, sandbox, sandbox_url, sandbox_url)
    url = settings.upstream_url or PROVIDER_URL
    return _Upstreams(HttpUpstream(session, url, upstream_key(settings), clock), sandbox, url, sandbox_url)


def _start_in_background(
    stack: AsyncExitStack, works: Mapping[str, Callable[[], Awaitable[None]]], last: Callable[[], Awaitable[None]]
) -> None:
    """Start what goes on beside requests. It ends when they have, after one last try at what is unsettled."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(keep(name, work)) for name, work in works.items()]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await last()

    stack.push_async_callback(end)


def _drain(probe: Probe) -> None:
    probe.draining = True


async def _demo_key(keyring: Keyring, settings: Settings) -> str | None:
    """In sandbox mode a key that works, kept beside the admin key; with real money behind it, none."""
    path = settings.data_dir / "demo.key"
    kept = path.read_text(encoding="utf-8").strip() if path.exists() else None
    if settings.sandboxed:
        secret = await demo_key(keyring, kept)
        if secret is not None and secret != kept:
            path.unlink(missing_ok=True)
            kept_secret(path, lambda: secret)
        return secret
    if kept is not None:
        await retire_demo_key(keyring, kept)
        path.unlink()
    return None
