"""The guard and the fence of one gateway, around its store; and what a start does once they have looked."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from gateway.adapters.keepsake import KeepsakeFile
from gateway.adapters.redis.books import RedisBooks
from gateway.adapters.redis.connection import Command, Store
from gateway.adapters.redis.initialise import Identity
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.redis.watch import RedisWatch, straight
from gateway.adapters.system import SystemClock
from gateway.core.remains import Remains
from gateway.ports import Spool, StoreUnavailable
from gateway.service.audit import Audit, Sums
from gateway.service.fence import Fence
from gateway.service.guard import Guard
from gateway.service.recovery import Recovery
from gateway.settings import Settings

_POLL_S = 0.25


def post_guard(
    store: Store,
    ledger: RedisLedger,
    ours: Identity,
    spool: Spool,
    keepsake: KeepsakeFile,
    settings: Settings,
    boot: str,
    archive: Sums,
) -> Guard:
    """The guard of this store. From here on each new connection is looked at before anything passes."""
    clock = SystemClock()
    fence = Fence(ledger.memory, boot, ours.organization, ledger, spool, keepsake, clock)
    store.greet = greeting(fence)
    return Guard(
        RedisVitals(store), RedisWatch(store.run), Audit(RedisBooks(store), archive), fence, clock, settings.store_allow
    )


def greeting(fence: Fence) -> Callable[[Command], Awaitable[None]]:
    """What a new connection has to show: a history that was compared with ours, of our own organization."""

    async def greet(command: Command) -> None:
        seen = await fence.look(RedisWatch(straight(command)))
        if seen is not None and seen.organization != fence.organization:
            raise StoreUnavailable(f'the store serves the organization "{seen.organization}"')

    return greet


async def recover(guard: Guard, recovery: Recovery, remains: Remains) -> Callable[[], Awaitable[None]] | None:
    """Settle what earlier processes left. In a store that takes nothing now that waits: then, what to do later.

    Raises StoreUnavailable, SpoolUnavailable.
    """
    settle = partial(_settle, guard, recovery, remains)
    try:
        await settle()
    except StoreUnavailable:
        if guard.closed is None:
            raise
        return partial(_when_open, guard, settle)
    return None


async def _settle(guard: Guard, recovery: Recovery, remains: Remains) -> None:
    if guard.fence.sighting is None:
        raise StoreUnavailable("the store's history has not been looked at yet")
    await recovery(remains, history_lost=guard.fence.disturbed)


async def _when_open(guard: Guard, settle: Callable[[], Awaitable[None]]) -> None:
    """For `background.keep`, which begins again when this returns: once it is settled, it does not."""
    if guard.closed is None:
        await settle()
        await asyncio.Event().wait()
    await asyncio.sleep(_POLL_S)
