"""Three gateways behind HAProxy are restarted one after the other, under load: no submit is lost, and no hold is left.

Every submit takes the upstream two seconds, and 50 begin in each second, whatever becomes of those before, on
connections that their clients keep. SIGTERM comes as it comes.
"""

import asyncio
import time
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.rigs.balancer import balancer
from tests.rigs.child import until_so
from tests.rigs.crowd import COST, Crowd
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.gateways import GatewayProcess
from tests.rigs.provider import Conditions
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, organization, team

pytestmark = pytest.mark.xdist_group("fleet")

PER_SECOND = 50
SLOW = Conditions(faults={"latency_ms": 2000, "processing_seconds": 3600})
SHORT = {"shutdown_delay": "2s", "shutdown_grace": "20s", "upstream_timeout": "15s", "termination_grace": "30s"}


class Load:
    """Submits at a fixed rate, until it is stopped."""

    def __init__(self, url: str, key: Key, session: aiohttp.ClientSession) -> None:
        self.crowd = Crowd(session)
        self._key = key
        self._front = _Front(url)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        began, sent = time.monotonic(), 0
        async with asyncio.TaskGroup() as clients:
            while not self._stopped.is_set():
                due = int((time.monotonic() - began) * PER_SECOND)
                for _ in range(due - sent):
                    clients.create_task(self.crowd.submit(self._front, self._key))
                sent = due
                await asyncio.sleep(0.005)

    def stop(self) -> None:
        self._stopped.set()


class _Front:
    """What a client takes for a gateway."""

    name = "front"

    def __init__(self, url: str) -> None:
        self.url = url


async def restart(gateway: GatewayProcess) -> None:
    """As a supervisor does it: SIGTERM, the end, a start at the same address, ready."""
    assert await gateway.stop() == 0
    await gateway.start()
    await until_so(gateway.ready)
    # HAProxy looks twice a second.
    await asyncio.sleep(1.0)


async def rolled(fleet: Fleet, url: str, key: Key, session: aiohttp.ClientSession) -> int:
    """Restart all of them under load; how many submits there were, none of which was lost."""
    load = Load(url, key, session)
    running = asyncio.create_task(load.run())
    await asyncio.sleep(1.0)
    for gateway in fleet.gateways:
        await restart(gateway)
    await asyncio.sleep(1.0)
    load.stop()
    await running
    assert load.crowd.told() == {"accepted": len(load.crowd.attempts)}
    return len(load.crowd.attempts)


@pytest.mark.system
async def test_three_times_in_a_row_nothing_is_lost() -> None:
    async with AsyncExitStack() as stack:
        ample = organization(budget("1000000.00")), team(budget("1000000.00"))
        fleet = await stack.enter_async_context(open_fleet(*ample, conditions=SLOW, **SHORT))
        for gateway in fleet.gateways:
            gateway.settings["listen"] = gateway.url.removeprefix("http://")
        kept = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=kept))
        front = await stack.enter_async_context(balancer(fleet.root, fleet.gateways, fleet.session))
        key, submits = await fleet.key(), 0
        for _ in range(3):
            submits += await rolled(fleet, front.url, key, session)
            books = await fleet.in_order()
            assert books.states == {"captured": submits}
            assert books.total("budget") == (2 * submits * COST, 0)
            assert await fleet.provider.jobs() == submits
        # Nobody was sent to a gateway that had stopped listening: it was left alone before.
        retries = front.retries()
        assert (len(retries) >= submits, sum(retries)) == (True, 0)
        print(f"{submits} submits, 9 restarts, nothing lost")
