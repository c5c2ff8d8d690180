"""A control plane that runs on a real store behind real sockets, for tests of its routes and of the commands."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from gateway.adapters.redis.admin_keys import RedisAdminKeys
from gateway.adapters.redis.alerts import RedisAlerts
from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.findings import RedisFindings
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.redis.repeats import RedisRepeats
from gateway.adapters.redis.team_secrets import RedisTeamSecrets
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.system import SystemClock
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.audit_record import BEGUN, DONE, AuditRecord, read_begun, read_done
from gateway.core.current import Current
from gateway.core.entry import Entry
from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from gateway.core.key_usage import Asked, Usage, usage
from gateway.core.ledger import Outcome
from gateway.core.price_drift import Charges, Drift, drifts
from gateway.core.recorded import Later
from gateway.ports import Clock
from gateway.service.administrators import Administrators
from gateway.service.audit_trail import AuditTrail
from gateway.service.doctor import Doctor
from gateway.service.effective import Effective
from gateway.service.hold_desk import Account, HoldDesk
from gateway.service.job_story import JobStories
from gateway.service.key_usages import KeyUsages
from gateway.service.outbox import Outbox
from gateway.service.policy_desk import Compile, PolicyDesk
from gateway.service.policy_plan import Planner
from gateway.service.settle import Settle
from gateway.service.team_secrets import TeamSecrets
from gateway.service.teams import Teams
from gateway.web.admin import admin_routes
from gateway.web.administration import Control
from gateway.web.listener import Listener
from tests.doubles import SeededEntropy, StillClock, compile_plainly
from tests.rings import ring
from tests.service.gatehouse import Gatehouse
from tests.service.provider import Provider


@dataclass(frozen=True, slots=True)
class Unexported:
    """Entries straight from the store: a control plane of these tests has no SQL."""

    ledger: RedisLedger

    async def audit_records(
        self, limit: int, before: datetime | None, action: str | None, by: str | None
    ) -> tuple[AuditRecord, ...]:
        entries = await self.ledger.entries()
        done = {one.hold: read_done(one.at, one.facts) for one in entries if one.kind == DONE}
        begun = [read_begun(one.hold, one.at, one.facts) for one in reversed(entries) if one.kind == BEGUN]
        wanted = [
            one
            for one in begun
            if (before is None or one.at < before) and action in (None, one.action) and by in (None, one.by.name)
        ]
        return tuple(AuditRecord(one, done.get(one.id)) for one in wanted[:limit])

    async def key_usage(self, key_id: str, since: datetime) -> Usage:
        entries = [one for one in await self.ledger.entries() if one.hold.startswith("hold_")]
        records = {one.hold: record for one in entries if (record := await self.ledger.find(one.hold))}
        holds = {name: record.hold for name, record in records.items()}
        mine = {name for name, hold in holds.items() if hold.key == key_id and hold.created_at >= since}
        asked = [Asked(name, holds[name].created_at, holds[name].amount) for name in sorted(mine)]
        later = [Later(one.hold, one.at, one.kind, one.facts, ()) for one in entries if one.hold in mine]
        return usage(asked, later, ())

    async def drift(self, since: datetime, until: datetime) -> tuple[Drift, ...]:
        charges = []
        for one in await self.ledger.entries():
            record = await self.ledger.find(one.hold) if one.kind == Outcome.CAPTURED else None
            if record is not None and record.cost is not None and since <= one.at < until:
                hold = record.hold
                charges.append(Charges(hold.model, hold.rate_card, hold.quoted, record.cost))
        return drifts(charges)

    async def entries_of(self, hold_id: str) -> tuple[Entry, ...]:
        return tuple(one for one in await self.ledger.entries() if one.hold == hold_id)


class Filled:
    """A spool with a quarter of its room taken."""

    fill = 0.25


ADMIN_KEY = mint(Kind.ADMIN, SeededEntropy("admin").token(ENTROPY_BYTES))


@dataclass(frozen=True, slots=True)
class RunningControl:
    """Where it listens, and what it works with; `provider` has the list of jobs that it looks at."""

    url: str
    control: Control
    provider: Provider

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status and the document that a request is answered with, as the administrator unless `headers` differ."""
        chosen = self.admin if headers is None else headers
        async with (
            aiohttp.ClientSession(headers=chosen) as session,
            session.request(method, self.url + path, json=body) as reply,
        ):
            return reply.status, await reply.json()

    @property
    def admin(self) -> dict[str, str]:
        """The header of whoever owns everything."""
        return {"Authorization": f"Bearer {ADMIN_KEY}"}

    async def issue(self, **more: object) -> Any:
        """A key of team `video`, as it is told."""
        status, issued = await self.ask("POST", "/admin/v1/keys", {"team": "video", "name": "render farm", **more})
        assert status == 201, issued
        return issued


def desk_of_holds(store: Store, house: Gatehouse, provider: Provider, clock: Clock) -> HoldDesk:
    holds, telemetry = RedisOpenHolds(store, house.ledger), PrometheusTelemetry("0")
    settle = Settle(
        holds, house.ledger, RedisFindings(store), telemetry, clock, lambda _: True, timedelta(minutes=10), True
    )
    return HoldDesk(house.ledger, holds, (Account(provider, settle),), telemetry, clock)


@asynccontextmanager
async def running_control(
    store: Store,
    clock: Clock | None = None,
    socket: Path | None = None,
    compile_files: Compile = compile_plainly,
    admin_key: str = ADMIN_KEY,
    started: bool = True,
) -> AsyncIterator[RunningControl]:
    """Listen on loopback, or on a unix `socket`. Nothing is live yet, in a store that is `started`."""
    clock = clock or StillClock()
    desk = PolicyDesk(RedisPolicies(store), compile_files, "acme")
    keyring, index = ring(store, desk, clock), RedisKeyIndex(store)
    house = Gatehouse(store)
    if started:
        await initialise(store, Identity(house.epoch, "acme"))
    secrets = TeamSecrets(RedisTeamSecrets(store), desk, keyring.peppers, clock)
    provider = Provider()
    holds = desk_of_holds(store, house, provider, clock)
    doctor = Doctor(
        guard=house.guard,
        vitals=RedisVitals(store),
        desk=desk,
        outbox=Outbox(house.ledger, house.spool, clock),
        spool=Filled(),
        damage=(),
        clock=SystemClock(),
        holds=holds,
        closed_prices=RedisClosedPrices(store),
    )
    control = Control(
        administrators=Administrators(
            RedisAdminKeys(store), desk, clock, SeededEntropy("admins"), keyring.peppers, Current(admin_key)
        ),
        trail=AuditTrail(house.ledger, clock, SeededEntropy("trail")),
        repeats=RedisRepeats(store),
        records=Unexported(house.ledger),
        keyring=keyring,
        key_index=index,
        key_usages=KeyUsages(keyring.keys, index, Unexported(house.ledger), desk, house.ledger, clock),
        desk=desk,
        planner=Planner(desk, house.ledger, index, clock),
        effective=Effective(desk, house.ledger, index, clock),
        closed_prices=RedisClosedPrices(store),
        drifts=Unexported(house.ledger),
        teams=Teams(desk, house.ledger, clock),
        doctor=doctor,
        holds=holds,
        stories=JobStories(house.ledger, RedisJobs(store), Unexported(house.ledger)),
        events=RedisEvents(store),
        alerts=RedisAlerts(store, house.ledger),
        team_secrets=secrets,
        clock=clock,
    )
    app = web.Application()
    app.add_routes(admin_routes(control))
    runner = Listener(app, lambda: "made", lingering_time=0.1, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0) if socket is None else web.UnixSite(runner, str(socket))
    try:
        await site.start()
        address = runner.addresses[0]
        yield RunningControl(
            f"http://127.0.0.1:{address[1]}" if socket is None else f"unix:{socket}", control, provider
        )
    finally:
        await runner.cleanup()
