"""The guard and the fence of one gateway, around its store."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from gateway.adapters.keepsake import KeepsakeFile
from gateway.adapters.redis.books import RedisBooks
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.redis.watch import RedisWatch, straight
from gateway.adapters.system import SystemClock
from gateway.core.history import Kept, Witness, recollect
from gateway.ports import Acceptance, StoreUnavailable
from gateway.service.fence import Fence, Retained
from gateway.service.guard import Guard
from gateway.settings import Settings


class Nothing:
    """What a gateway retains that has no spool."""

    def acceptances(self) -> Iterable[Acceptance]:
        return ()


def remember(ledger: RedisLedger, kept: Kept | None, witnesses: Iterable[Witness]) -> None:
    """Let the ledger go on from what the process before this one knew. `witnesses` are those its spool has."""
    if kept is not None:
        ledger.memory = recollect(kept.memory, witnesses)


def post_guard(
    store: Store,
    ledger: RedisLedger,
    ours: Identity,
    retained: Retained,
    keepsake: KeepsakeFile,
    settings: Settings,
    boot: str,
) -> Guard:
    """The guard of this store. From here on each new connection is looked at before anything passes."""
    clock = SystemClock()
    fence = Fence(ledger.memory, boot, ours.organization, ledger, retained, keepsake, clock)
    store.greet = greeting(fence)
    return Guard(RedisVitals(store), RedisWatch(store.run), RedisBooks(store), fence, clock, settings.store_allow)


def greeting(fence: Fence) -> Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]:
    """What a new connection has to show: a history that was compared with ours, of our own organization."""

    async def greet(command: Callable[..., Awaitable[Any]]) -> None:
        seen = await fence.look(RedisWatch(straight(command)))
        if seen is not None and seen.organization != fence.organization:
            raise StoreUnavailable(f'the store serves the organization "{seen.organization}"')

    return greet
