"""What a gateway stands on, opened before its doors are, in an order in which each part finds what it needs."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway import __version__
from gateway.adapters.exporter import ExporterProcess, Orders
from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.findings import RedisFindings
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.leases import RedisLeases
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.adapters.redis.past import RedisPast
from gateway.adapters.redis.refusals import RedisRefusals
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.spool import DirectorySpool, open_spool
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.system import SystemClock, SystemEntropy, machine_boot
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.remains import Damage
from gateway.service.guard import Guard
from gateway.service.key_uses import KeyUses
from gateway.service.keyring import Keyring
from gateway.service.lifecycle import Lifecycle
from gateway.service.outbox import Outbox
from gateway.service.policy_desk import PolicyDesk
from gateway.service.recovery import Recovery
from gateway.settings import Settings
from gateway.wiring.guard import post_guard, recover
from gateway.wiring.ledger import database_url, open_archive, recall
from gateway.wiring.relaying import Relaying, open_relaying
from gateway.wiring.secrets import Secrets, gateway_secrets
from gateway.wiring.store import identify, open_desk, open_keepsake, open_store


@dataclass(frozen=True, slots=True)
class House:
    """What stands before the doors open: adapters and the services that several others share."""

    clock: SystemClock
    entropy: SystemEntropy
    telemetry: PrometheusTelemetry
    store: Store
    secrets: Secrets
    ledger: RedisLedger
    vitals: RedisVitals
    closed_prices: RedisClosedPrices
    desk: PolicyDesk
    keyring: Keyring
    key_index: RedisKeyIndex
    outbox: Outbox
    guard: Guard
    later: Callable[[], Awaitable[None]] | None
    damage: tuple[Damage, ...]
    open_holds: RedisOpenHolds
    past: RedisPast
    spool: DirectorySpool
    boot: str
    export: ExporterProcess
    refusals: RedisRefusals
    relaying: Relaying
    jobs: RedisJobs
    lifecycle: Lifecycle
    leases: RedisLeases
    findings: RedisFindings
    archive: SqlArchive


async def build_house(stack: AsyncExitStack, settings: Settings) -> House:
    """Open everything in order; the stack closes it in the opposite one. Raises CannotStart, or what adapters do."""
    clock, entropy, telemetry = SystemClock(), SystemEntropy(), PrometheusTelemetry(__version__)
    secrets, boot = gateway_secrets(settings, entropy), entropy.token(8).hex()
    spool, remains = stack.enter_context(open_spool(settings.data_dir, boot, machine_boot(), clock))
    store = await open_store(stack, settings, telemetry.store_call)
    archive, exported = await open_archive(stack, settings, entropy)
    keepsake, kept = open_keepsake(settings, remains.witness)
    kept = await recall(exported, store, kept)
    ours = await identify(store, settings, entropy, kept)
    desk = await open_desk(store, ours, settings)
    ledger, key_index = RedisLedger(store, ours.epoch), RedisKeyIndex(store)
    ledger.memory = kept.memory if kept else ledger.memory
    open_holds = RedisOpenHolds(store, ledger)
    guard = post_guard(store, ledger, ours, spool, keepsake, settings, boot, archive)
    await guard.tend()
    later = await recover(guard, Recovery(ledger, open_holds, spool, clock), remains)
    lifecycle = Lifecycle(ledger, telemetry, clock)
    return House(
        clock=clock,
        entropy=entropy,
        telemetry=telemetry,
        secrets=secrets,
        ledger=ledger,
        vitals=RedisVitals(store),
        closed_prices=RedisClosedPrices(store),
        desk=desk,
        keyring=Keyring(RedisVirtualKeys(store), desk, clock, entropy, secrets.peppers, KeyUses(key_index)),
        key_index=key_index,
        outbox=Outbox(ledger, spool, clock),
        open_holds=open_holds,
        past=RedisPast(store),
        spool=spool,
        boot=boot,
        guard=guard,
        export=ExporterProcess(
            Orders(store.url, database_url(settings), boot, entropy.token(8).hex()),
            lambda cursor: ledger.memory.wrote(cursor.epoch, cursor.sequence, cursor.entry),
        ),
        refusals=RedisRefusals(store),
        relaying=open_relaying(stack, settings, store, ledger, lifecycle, desk, telemetry, secrets),
        jobs=RedisJobs(store),
        lifecycle=lifecycle,
        leases=RedisLeases(store),
        findings=RedisFindings(store),
        store=store,
        archive=archive,
        later=later,
        damage=remains.damage,
    )
