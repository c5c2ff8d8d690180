"""A gateway from its settings: every part made once, in order, and taken down in the opposite order."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway import __version__
from gateway.adapters.redis.admin_keys import RedisAdminKeys
from gateway.adapters.redis.repeats import RedisRepeats
from gateway.adapters.spool import SpoolInUse
from gateway.ports import SpoolUnavailable, StoreUnavailable
from gateway.ports.administration import Drifts
from gateway.service.administrators import Administrators
from gateway.service.alerts import Alerts
from gateway.service.audit_trail import AuditTrail
from gateway.service.doctor import Doctor
from gateway.service.effective import Effective
from gateway.service.gauges import Gauges
from gateway.service.hold_desk import HoldDesk
from gateway.service.in_flight import InFlight
from gateway.service.job_desk import JobDesk
from gateway.service.job_story import JobStories
from gateway.service.key_usages import KeyUsages
from gateway.service.nearest import Nearest
from gateway.service.passage import Passage
from gateway.service.policy_plan import Planner
from gateway.service.preview import Previews
from gateway.service.readiness import Probe
from gateway.service.refusals import Refusals
from gateway.service.submit import Submit
from gateway.service.teams import Teams
from gateway.settings import Settings
from gateway.web.admin import admin_routes
from gateway.web.administration import Control
from gateway.web.app import control_app, data_app
from gateway.web.auth import Auth
from gateway.web.metrics import Scrape
from gateway.web.plane import DataPlane
from gateway.wiring.background import start_in_background
from gateway.wiring.demo import kept_demo_key
from gateway.wiring.house import House, build_house
from gateway.wiring.ledger import open_drifts
from gateway.wiring.planes import Doors
from gateway.wiring.policy_watch import policy_watch
from gateway.wiring.relaying import sandbox_config
from gateway.wiring.reread import Reread
from gateway.wiring.settling import open_settling
from gateway.wiring.store import policies_directory
from gateway.wiring.trouble import CannotStart
from gateway.wiring.upstreams import Upstreams, open_upstreams

_LOG: Final = logging.getLogger("tollhouse.start")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, for the banner and for tests. `demo_key` is there in sandbox mode.

    `closed` is why it admits nothing yet, if it does not; `reread` exchanges the secrets for those of such settings.
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
    reread: Callable[[Settings], None]
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


async def _open(stack: AsyncExitStack, settings: Settings) -> Gateway:
    house = await build_house(stack, settings)
    sandbox = sandbox_config(settings, house.secrets)
    upstreams = await open_upstreams(stack, settings, house.clock, house.entropy, sandbox)
    watch, nearest = policy_watch(house, settings), Nearest(house.ledger, house.closed_prices, house.clock)
    submit, probe = _submit(house, upstreams, settings, nearest), Probe(house.guard, house.desk, watch=watch)
    settling = open_settling(house, upstreams, settings)
    start_in_background(stack, house, submit, settling, _alerts(house, settings), watch)
    drifts, doors = open_drifts(stack, settings), Doors(settings, house.entropy)
    stack.push_async_callback(doors.close)
    control = _control_plane(house, probe, settling.desk, drifts)
    data = _data_plane(house, submit, nearest, upstreams, settings, probe)
    control_url = await doors.listen(control, settings.control_listen)
    data_url = await doors.listen(data, settings.listen)
    stack.push_async_callback(doors.empty, probe)
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
        reread=Reread(settings, house.secrets, house.entropy),
    )


def _submit(house: House, upstreams: Upstreams, settings: Settings, nearest: Nearest) -> Refusals:
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
        relay=house.relaying.relay,
    )
    advice = InFlight(house.jobs, house.clock)
    return Refusals(submit, advice, nearest, house.desk, house.refusals, house.entropy)


def _data_plane(
    house: House, submit: Refusals, nearest: Nearest, upstreams: Upstreams, settings: Settings, probe: Probe
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
        previews=Previews(house.desk, house.ledger, nearest, house.clock, settings.webhook_allow_hosts),
        job_desk=job_desk,
        passage=Passage(house.jobs, upstreams.real, upstreams.sandbox, house.guard, house.clock, patience),
        desk=house.desk,
        telemetry=house.telemetry,
        clock=house.clock,
        max_body=settings.max_body,
        body_timeout=settings.body_timeout,
        hooks=house.relaying.hooks,
    )
    return data_app(plane, probe)


def _control_plane(house: House, probe: Probe, holds: HoldDesk, drifts: Drifts) -> web.Application:
    doctor = Doctor(
        guard=house.guard,
        vitals=house.vitals,
        desk=house.desk,
        outbox=house.outbox,
        spool=house.spool,
        damage=house.damage,
        clock=house.clock,
        export=house.export,
        holds=holds,
        closed_prices=house.closed_prices,
    )
    relaying = house.relaying
    control = Control(
        administrators=Administrators(
            RedisAdminKeys(house.store),
            house.desk,
            house.clock,
            house.entropy,
            house.secrets.peppers,
            house.secrets.admin_key,
        ),
        trail=AuditTrail(house.ledger, house.clock, house.entropy),
        repeats=RedisRepeats(house.store),
        records=house.archive,
        keyring=house.keyring,
        key_index=house.key_index,
        key_usages=KeyUsages(house.keyring.keys, house.key_index, house.archive, house.desk, house.ledger, house.clock),
        desk=house.desk,
        planner=Planner(house.desk, house.ledger, house.key_index, house.clock),
        effective=Effective(house.desk, house.ledger, house.key_index, house.clock),
        closed_prices=house.closed_prices,
        drifts=drifts,
        teams=Teams(house.desk, house.ledger, house.clock),
        doctor=doctor,
        holds=holds,
        stories=JobStories(house.ledger, house.jobs, house.archive),
        events=relaying.events,
        alerts=relaying.alerts,
        team_secrets=relaying.team_secrets,
        clock=house.clock,
    )
    admin = admin_routes(control)
    gauges = Gauges(
        house.desk, house.ledger, house.key_index, house.vitals, house.closed_prices, house.clock, probe.watch
    )
    return control_app(admin, Scrape(gauges, house.telemetry), probe)


def _alerts(house: House, settings: Settings) -> Alerts:
    return Alerts(
        desk=house.desk,
        ledger=house.ledger,
        keys=house.keyring.keys,
        book=house.relaying.alerts,
        leases=house.leases,
        telemetry=house.telemetry,
        clock=house.clock,
        # A store that is ours alone has no other gateway to wait for after a restart.
        holder="the only one" if settings.embedded else house.boot,
    )
