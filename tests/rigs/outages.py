"""Ways in which a store goes out, and comes back. Each begins at once and ends when the test says so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeAlias

from tests.rigs.storage import Storage

Outage: TypeAlias = Callable[[Storage], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(store: Storage) -> AsyncIterator[None]:
    """`kill -9`, and started again on what is on its disk."""
    store.kill()
    yield
    await store.start()


@asynccontextmanager
async def stopped(store: Storage) -> AsyncIterator[None]:
    """Shut down in an orderly way, and started again."""
    await store.child.stop()
    yield
    await store.start()


@asynccontextmanager
async def frozen(store: Storage) -> AsyncIterator[None]:
    """SIGSTOP: connections are taken and nothing is answered. What was asked meanwhile happens afterwards."""
    store.child.freeze()
    try:
        yield
    finally:
        store.child.resume()


@asynccontextmanager
async def full(store: Storage) -> AsyncIterator[None]:
    """No memory is left for anything new."""
    before = await store.set(maxmemory="1")
    yield
    await store.set(**before)


@asynccontextmanager
async def read_only(store: Storage) -> AsyncIterator[None]:
    """Made a replica, as after a failover, of a primary that is not there."""
    await store.ask("REPLICAOF", "127.0.0.1", "1")
    yield
    await store.ask("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def forgetful(store: Storage) -> AsyncIterator[None]:
    """What it is told is not written to its disk any more."""
    before = await store.set(appendonly="no")
    yield
    await store.set(**before)


OUTAGES: Final[dict[str, Outage]] = {
    "killed": killed,
    "stopped": stopped,
    "frozen": frozen,
    "full": full,
    "read only": read_only,
}


class Pace:
    """How late this process comes to what it wanted to do: the measure of how busy the machine is."""

    _TICK_S: Final = 0.02

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []

    async def measure(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._TICK_S
            await asyncio.sleep(self._TICK_S)
            self._late.append((loop.time(), loop.time() - due))

    def late(self, start: float, end: float) -> float:
        """How many seconds of that time (monotonic) went by while somebody else had the machine."""
        return sum(late for at, late in self._late if start <= at <= end)
