"""An embedded store that dies, and comes back no sooner than the test says."""

import asyncio
import os
import signal
from dataclasses import dataclass, field

import pytest

from gateway.adapters.redis.embedded import Server
from tests.walkthrough.house import House, until


@dataclass(slots=True)
class Outage:
    """The outage of one house's store. Prepared before it begins, because a dead store says no more."""

    house: House
    pid: int
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Let the gateway start its store again, and wait until it is ready."""
        self._over.set()
        await until(self.house.ready)


async def outage_of(house: House, monkeypatch: pytest.MonkeyPatch) -> Outage:
    outage, start = Outage(house, await house.store_pid()), Server.start

    async def start_when_it_is_over(server: Server) -> None:
        await outage._over.wait()
        await start(server)

    monkeypatch.setattr(Server, "start", start_when_it_is_over)
    return outage
