"""A gateway from its settings: every part made once, in order, and taken down in the opposite order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway import __version__
from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.adapters.redis.past import RedisPast
from gateway.adapters.redis.refusals import RedisRefusals
from gateway.adapters.redis.stream import RedisStream
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.redis.watch import RedisWatch
from gateway.adapters.spool import DirectorySpool, SpoolInUse, open_spool
from gateway.adapters.system import SystemClock, SystemEntropy, machine_boot
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.remains import Damage
from gateway.ports import SpoolUnavailable, StoreUnavailable
from gateway.service.background import every, keep
from gateway.service.doctor import Doctor
from gateway.service.export import Export
from gateway.service.gauges import Gauges
from gateway.service.guard import Guard
from gateway.service.in_flight import InFlight
from gateway.service.job_desk import JobDesk
from gateway.service.keyring import Keyring
from gateway.service.lifecycle import Lifecycle
from gateway.service.outbox import Outbox
from gateway.service.overdue import Overdue
from gateway.service.passage import Passage
from gateway.service.policy_desk import PolicyDesk
from gateway.service.preview import Previews
from gateway.service.readiness import Probe
from gateway.service.recovery import Recovery
from gateway.service.refusals import Refusals
from gateway.service.submit import Submit
from gateway.service.sweep import Sweep
from gateway.settings import Settings
from gateway.web.admin import admin_routes
from gateway.web.administration import Control
from gateway.web.app import control_app, data_app
from gateway.web.auth import Auth
from gateway.web.metrics import Scrape
from gateway.web.plane import DataPlane
from gateway.wiring.demo import kept_demo_key
from gateway.wiring.guard import post_guard, recover
from gateway.wiring.ledger import open_archive, recall
from gateway.wiring.planes import listen
from gateway.wiring.secrets import Secrets, gateway_secrets
from gateway.wiring.store import identify, open_desk, open_keepsake, open_store, policies_directory
from gateway.wiring.trouble import CannotStart
from gateway.wiring.upstreams import Upstreams, open_upstreams

_LOG: Final = logging.getLogger("tollhouse.start")
_REFRESH_S: Final = 0.5
_GUARD_S: Final = 1.0
_REPLAY_S: Final = 0.25
_OVERDUE_S: Final = 1.0
_SWEEP_S: Final = 60.0
_PAST_S: Final = 10.0
_EXPORT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, for the banner and for tests. `demo_key` is there in sandbox mode.

    `closed` is why it admits nothing yet, if it does not.
    """

    version: str
    data_url: str
    control_url: str
    upstream_url: str
    sandbox_url: str
    store: str
    data_dir: Path
    policies: Path
    closed: str | None
    demo_key: str | None = field(repr=False)


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Run the gateway until the context ends, then let running submits finish. Raises CannotStart."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        try:
            gateway = await _open(stack, settings)
        except StoreUnavailable as error:
            raise CannotStart(f"the store cannot be used: {error}") from None
        except (SpoolInUse, SpoolUnavailable) as error:
            raise CannotStart(str(error)) from None
        yield gateway


@dataclass(frozen=True, slots=True)
class _House:
    """What stands before the doors open: adapters and the services that several others share."""

    clock: SystemClock
    entropy: SystemEntropy
    telemetry: PrometheusTelemetry
    secrets: Secrets
    ledger: RedisLedger
    vitals: RedisVitals
    closed_prices: RedisClosedPrices
    desk: PolicyDesk
    keyring: Keyring
    outbox: Outbox
    guard: Guard
    later: Callable[[], Awaitable[None]] | None
    damage: tuple[Damage, ...]
    open_holds: RedisOpenHolds
    past: RedisPast
    spool: DirectorySpool
    boot: str
    export: Export
    refusals: RedisRefusals
    jobs: RedisJobs
    lifecycle: Lifecycle


async def _open(stack: AsyncExitStack, settings: Settings) -> Gateway:
    house = await _build(stack, settings)
    upstreams = await open_upstreams(stack, settings, house.clock, house.entropy)
    submit, probe = _submit(house, upstreams, settings), Probe(house.guard, house.desk)
    _start_in_background(stack, house, submit)
    control, data = _control_plane(house, probe), _data_plane(house, submit, upstreams, settings, probe)
    control_url = await listen(stack, control, settings.control_listen, settings, house.entropy)
    data_url = await listen(stack, data, settings.listen, settings, house.entropy)
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
        demo_key=await kept_demo_key(house.keyring, settings),
        closed=house.guard.closed,
    )


async def _build(stack: AsyncExitStack, settings: Settings) -> _House:
    clock, entropy, telemetry = SystemClock(), SystemEntropy(), PrometheusTelemetry(__version__)
    secrets = gateway_secrets(settings, entropy)
    boot = entropy.token(8).hex()
    spool, remains = stack.enter_context(open_spool(settings.data_dir, boot, machine_boot(), clock))
    store = await open_store(stack, settings, telemetry.store_call)
    archive, exported = await open_archive(stack, settings, entropy)
    keepsake, kept = open_keepsake(settings, remains.witness)
    kept = await recall(exported, store, kept)
    ours = await identify(store, settings, entropy, kept)
    desk = await open_desk(store, ours, settings)
    ledger = RedisLedger(store, ours.epoch)
    ledger.memory = kept.memory if kept else ledger.memory
    open_holds, guard = (
        RedisOpenHolds(store, ledger),
        post_guard(store, ledger, ours, spool, keepsake, settings, boot, archive),
    )
    await guard.tend()
    later = await recover(guard, Recovery(ledger, open_holds, spool, clock), remains)
    return _House(
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        secrets=secrets,
        ledger=ledger,
        vitals=RedisVitals(store),
        closed_prices=RedisClosedPrices(store),
        desk=desk,
        keyring=Keyring(RedisVirtualKeys(store), desk, clock, entropy, secrets.peppers),
        outbox=Outbox(ledger, spool, clock),
        open_holds=open_holds,
        past=RedisPast(store),
        spool=spool,
        boot=boot,
        guard=guard,
        export=Export(RedisStream(store), archive, RedisWatch(store.run), ledger.memory, clock, boot),
        refusals=RedisRefusals(store),
        jobs=RedisJobs(store),
        lifecycle=Lifecycle(ledger, telemetry, clock),
        later=later,
        damage=remains.damage,
    )


def _submit(house: _House, upstreams: Upstreams, settings: Settings) -> Refusals:
    submit = Submit(
        desk=house.desk,
        keyring=house.keyring,
        ledger=house.ledger,
        upstream=upstreams.real,
        sandbox=upstreams.sandbox,
        outbox=house.outbox,
        spool=house.spool,
        clock=house.clock,
        entropy=house.entropy,
        patience=timedelta(seconds=settings.upstream_timeout),
        boot=house.boot,
        webhook_hosts=settings.webhook_allow_hosts,
        guard=house.guard,
    )
    advice = InFlight(house.jobs, house.clock)
    return Refusals(submit, advice, house.desk, house.refusals, house.clock, house.entropy)


def _data_plane(
    house: _House, submit: Refusals, upstreams: Upstreams, settings: Settings, probe: Probe
) -> web.Application:
    patience = timedelta(seconds=settings.upstream_timeout)
    job_desk = JobDesk(
        house.ledger,
        house.jobs,
        house.lifecycle,
        house.outbox,
        upstreams.real,
        upstreams.sandbox,
        house.guard,
        house.clock,
        patience,
    )
    plane = DataPlane(
        auth=Auth(house.keyring, settings.trusted_proxies),
        submit=submit,
        previews=Previews(house.desk, house.ledger, house.clock, settings.webhook_allow_hosts),
        job_desk=job_desk,
        passage=Passage(house.jobs, upstreams.real, upstreams.sandbox, house.guard, house.clock, patience),
        desk=house.desk,
        telemetry=house.telemetry,
        clock=house.clock,
        max_body=settings.max_body,
        body_timeout=settings.body_timeout,
    )
    return data_app(plane, probe)


def _control_plane(house: _House, probe: Probe) -> web.Application:
    doctor = Doctor(
        house.guard, house.vitals, house.desk, house.outbox, house.spool, house.damage, house.clock, house.export
    )
    control = Control(house.keyring, house.desk, house.closed_prices, doctor, house.clock, house.secrets.admin_key)
    admin = admin_routes(control)
    gauges = Gauges(house.desk, house.ledger, house.keyring.keys, house.vitals, house.closed_prices, house.clock)
    return control_app(admin, Scrape(gauges, house.telemetry), probe)


def _start_in_background(stack: AsyncExitStack, house: _House, submit: Refusals) -> None:
    """Start what goes on beside requests. It ends when they have, after one last try at what is unsettled."""
    works: dict[str, Callable[[], Awaitable[None]]] = {
        "policy refresh": partial(every, _REFRESH_S, house.desk.refresh),
        "store guard": partial(every, _GUARD_S, house.guard.tend),
        "replay": partial(every, _REPLAY_S, house.guard.fence.tend),
        "unacknowledged moves": house.outbox.run,
        "overdue holds": partial(every, _OVERDUE_S, Overdue(house.ledger, house.open_holds, house.clock)),
        "what ended long ago": partial(every, _PAST_S, Sweep(house.past, house.clock)),
        "export": partial(every, _EXPORT_S, house.export),
        "refused submissions": partial(every, _EXPORT_S, submit.flush),
        "spool": partial(every, _SWEEP_S, partial(_sweep, house.spool)),
    }
    if house.later is not None:
        works["recovery"] = house.later
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(keep(name, work)) for name, work in works.items()]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await house.outbox.flush()
        await house.guard.fence.keep()

    stack.push_async_callback(end)


async def _sweep(spool: DirectorySpool) -> None:
    spool.sweep()


def _drain(probe: Probe) -> None:
    probe.draining = True
