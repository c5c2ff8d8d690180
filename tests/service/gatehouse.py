"""One gateway's guard and fence on a real store, without the gateway: what it keeps and spools is for tests to see."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.adapters.redis.books import RedisBooks
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.redis.watch import RedisWatch
from gateway.adapters.system import SystemClock
from gateway.core.acceptance import Acceptance
from gateway.core.history import Kept, Memory
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import Hold
from gateway.core.store_condition import Allowance
from gateway.service.fence import Fence
from gateway.service.guard import Guard
from tests.doubles import MemorySpool


def acceptance(hold: Hold, job: str, cost: int) -> Acceptance:
    return Acceptance(hold.id, encode_hold(hold), job, cost, {}, hold.created_at, None)


class Drawer:
    """Implements `fence.Keepsake`: the last that was kept, unless the disk is full."""

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self.full = False

    def read(self) -> Kept | None:
        return self.kept

    async def write(self, kept: Kept) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.kept = replace(kept, memory=replace(kept.memory))


class Shifted(SystemClock):
    """The system's clock, and how far it is off."""

    off = timedelta()

    def now(self) -> datetime:
        return super().now() + self.off


@dataclass(slots=True)
class Gatehouse:
    """What one gateway has around a store. Admission that was frozen thaws at once here."""

    store: Store
    boot: str = "one"
    epoch: str = "e1"
    memory: Memory | None = None
    allowed: Collection[Allowance] = ()
    spool: MemorySpool = field(default_factory=MemorySpool)
    keepsake: Drawer = field(default_factory=Drawer)
    clock: Shifted = field(default_factory=Shifted)
    ledger: RedisLedger = field(init=False)
    watch: RedisWatch = field(init=False)
    fence: Fence = field(init=False)
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = RedisLedger(self.store, self.epoch, timedelta(hours=12))
        self.ledger.memory = self.memory or self.ledger.memory
        self.watch = RedisWatch(self.store.run, timedelta())
        parts = (self.ledger.memory, self.boot, "acme", self.ledger, self.spool, self.keepsake, self.clock)
        self.fence = Fence(*parts)
        vitals, books = RedisVitals(self.store), RedisBooks(self.store)
        self.guard = Guard(vitals, self.watch, books, self.fence, self.clock, self.allowed)

    async def failing(self) -> list[str]:
        """What a look finds."""
        return [finding.check for finding in (await self.guard.look()).findings]

    async def round(self) -> None:
        """What happens every second."""
        await self.guard.tend()
        await self.fence.catch_up()
