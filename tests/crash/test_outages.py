"""The store is out under load, in every way it can be: nothing is sold, nothing is lost, and nobody restarts anything.

What a submit may take while the store is out is 2 seconds, and as much longer as the machine was busy otherwise.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.crash.promises import all_answers_posted, judge, nothing_held
from tests.rigs.child import until_so
from tests.rigs.crowd import Attempt
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.gateways import GatewayProcess
from tests.rigs.outages import OUTAGES, Outage, Pace, forgetful, frozen, killed, read_only
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, quota, team

pytestmark = pytest.mark.xdist_group("crash")

RULES: Final = team(budget("100000.00"), quota("jobs", 1_000_000))
CEILINGS: Final = {"ample": 10**12, "budget": 10**11, "jobs": 10**6}
LONGEST_S: Final = 2.0


@dataclass(slots=True)
class Load:
    """Clients that submit all the time, at both gateways, and how busy the machine is with it."""

    fleet: Fleet
    key: Key
    pace: Pace = field(default_factory=Pace)
    over: bool = False

    async def client(self, gateway: GatewayProcess) -> None:
        while not self.over:
            attempt = await self.fleet.crowd.submit(gateway, self.key, sandbox={"latency_ms": 100})
            await asyncio.sleep(0 if attempt.accepted else 0.1)

    async def round(self, each: int = 3) -> Sequence[Attempt]:
        """Some submits at every gateway at once."""
        submits = (self.fleet.crowd.submit(gateway, self.key) for gateway in self.fleet.gateways * each)
        return await asyncio.gather(*submits)

    async def sold_everywhere(self) -> bool:
        return all(attempt.accepted for attempt in await self.round(1))


@asynccontextmanager
async def under_load(clients: int = 4) -> AsyncIterator[Load]:
    """Two gateways and so many clients of each. Afterwards the books must be right from all sides."""
    async with open_fleet(RULES, gateways=2) as fleet:
        load = Load(fleet, await fleet.key())
        async with asyncio.TaskGroup() as tasks:
            measuring = tasks.create_task(load.pace.measure())
            for gateway in fleet.gateways * clients:
                tasks.create_task(load.client(gateway))
            try:
                yield load
            finally:
                load.over = True
                measuring.cancel()
        await until_so(lambda: all_answers_posted(fleet))
        await until_so(lambda: nothing_held(fleet))
        books, diary = await fleet.in_order(), await fleet.provider.diary()
        judge(fleet.crowd, books, diary, CEILINGS)
        assert len(fleet.crowd.accepted) == diary.jobs == books.states["captured"]


async def endure(load: Load, outage: Outage) -> None:
    """One outage, from the first refused submit to the first that is sold again."""
    fleet = load.fleet
    await until_so(load.sold_everywhere)
    async with outage(fleet.store):
        begun = len(fleet.crowd.attempts)
        for _ in range(3):
            refused = await load.round()
            assert {attempt.told for attempt in refused} == {"STORE_UNAVAILABLE"}
            assert {attempt.headers["Retry-After"] for attempt in refused} == {"2"}
            assert prompt(refused, load.pace)
        meanwhile = [attempt for attempt in fleet.crowd.attempts[begun:] if attempt.ended is not None]
        sent = (await fleet.provider.diary()).by_request
    assert {attempt.told for attempt in meanwhile} == {"STORE_UNAVAILABLE"}
    assert not {attempt.request for attempt in meanwhile} & set(sent)
    await until_so(load.sold_everywhere)
    await until_so(fleet.all_ready)


def prompt(attempts: Sequence[Attempt], pace: Pace) -> bool:
    """Whether these were answered in time. A machine that stops for a moment may delay one of them, not most."""
    took = sorted(
        (attempt.ended or 0) - attempt.sent - 2 * pace.late(attempt.sent, attempt.ended or 0) for attempt in attempts
    )
    return took[len(took) // 2] <= LONGEST_S


async def test_the_store_goes_out_and_comes_back() -> None:
    async with under_load() as load:
        for outage in OUTAGES.values():
            await endure(load, outage)


@pytest.mark.long
async def test_the_store_goes_out_again_and_again() -> None:
    async with under_load(clients=15) as load:
        for outage in [outage for _ in range(4) for outage in OUTAGES.values()]:
            await endure(load, outage)


@pytest.mark.parametrize("outage", [killed, frozen, read_only])
async def test_it_goes_out_between_hold_and_capture(outage: Outage) -> None:
    """The client gets its answer, and the capture follows."""
    async with open_fleet(RULES, gateways=1) as fleet:
        key = await fleet.key()
        [gateway] = fleet.gateways
        under_way = asyncio.ensure_future(fleet.crowd.submit(gateway, key, sandbox={"latency_ms": 500}))
        await until_so(lambda: arrived(fleet, 1))
        async with outage(fleet.store):
            answer = await under_way
            assert answer.accepted
            refused = await fleet.crowd.submit(gateway, key)
            assert refused.told == "STORE_UNAVAILABLE"
        await until_so(lambda: all_answers_posted(fleet))
        await until_so(lambda: nothing_held(fleet))
        judge(fleet.crowd, await fleet.in_order(), await fleet.provider.diary(), CEILINGS)


async def arrived(fleet: Fleet, submits: int) -> bool:
    return len((await fleet.provider.diary()).notes) == submits


async def test_what_is_under_way_is_posted_although_memory_is_full() -> None:
    """Money moves home in a store that takes nothing new."""
    async with open_fleet(RULES, gateways=1) as fleet:
        key = await fleet.key()
        [gateway] = fleet.gateways
        submits = [
            asyncio.ensure_future(fleet.crowd.submit(gateway, key, sandbox={"latency_ms": 500, **fault}))
            for fault in ({}, {"status": 400}, {"status": 503})
        ]
        await until_so(lambda: arrived(fleet, 3))
        async with OUTAGES["full"](fleet.store):
            assert (await fleet.crowd.submit(gateway, key)).told == "STORE_UNAVAILABLE"
            attempts = await asyncio.gather(*submits)
            assert [attempt.status for attempt in attempts] == [200, 400, 503]
            books = await fleet.in_order()
            states = [books.holds[books.by_request[attempt.request]].state for attempt in attempts]
            assert states == ["captured", "voided", "in_doubt"]


@pytest.mark.parametrize("outage", [killed, frozen, read_only])
async def test_what_the_store_did_not_hear_is_in_the_spool_before_the_client_is_told(outage: Outage) -> None:
    async with open_fleet(RULES, gateways=1) as fleet:
        key = await fleet.key()
        [gateway] = fleet.gateways
        under_way = asyncio.ensure_future(fleet.crowd.submit(gateway, key, sandbox={"latency_ms": 500}))
        await until_so(lambda: arrived(fleet, 1))
        async with outage(fleet.store):
            answer = await under_way
            written = [line for line in gateway.spooled() if answer.job in line]
            assert answer.accepted
            assert len(written) == 1
            assert answer.headers["Tollhouse-Hold-Id"] in written[0]
            # The one who was to post it dies. What is on its disk does not.
            gateway.kill()
        await gateway.start()
        await until_so(lambda: all_answers_posted(fleet))
        judge(fleet.crowd, await fleet.in_order(), await fleet.provider.diary(), CEILINGS)


async def test_whoever_cannot_sell_is_not_ready() -> None:
    async with open_fleet(RULES, gateways=2) as fleet:
        for outage in (*OUTAGES.values(), forgetful):
            await until_so(fleet.all_ready)
            async with outage(fleet.store):
                for gateway in fleet.gateways:
                    await until_so(lambda gateway=gateway: not_ready(gateway))
        await until_so(fleet.all_ready)


async def not_ready(gateway: GatewayProcess) -> bool:
    return not await gateway.ready()


async def test_a_store_that_stops_writing_to_disk_sells_nothing() -> None:
    """Nobody can tell at once; as soon as it is known, it counts."""
    async with under_load() as load:
        await until_so(load.sold_everywhere)
        async with forgetful(load.fleet.store):
            await until_so(lambda: sold_nowhere(load))
            begun = len(load.fleet.crowd.attempts)
            await load.round()
            meanwhile = [attempt for attempt in load.fleet.crowd.attempts[begun:] if attempt.ended is not None]
            assert {attempt.told for attempt in meanwhile} == {"STORE_UNAVAILABLE"}
        await until_so(load.sold_everywhere)


async def sold_nowhere(load: Load) -> bool:
    return {attempt.told for attempt in await load.round(1)} == {"STORE_UNAVAILABLE"}
