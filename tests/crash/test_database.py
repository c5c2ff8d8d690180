"""Gateways on a PostgreSQL that dies under them: jobs are sold all the same, and in the end SQL has every entry."""

import asyncio

import pytest

from tests.rigs.child import until_so
from tests.rigs.crowd import COST
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.postgres import postgres
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, team

pytestmark = [pytest.mark.xdist_group("crash"), pytest.mark.system]


async def sell(fleet: Fleet, key: Key, jobs: int) -> list[str]:
    """So many jobs, at one gateway after the other; what each was told."""
    up = [gateway for gateway in fleet.gateways if gateway.up]
    return [(await fleet.crowd.submit(up[number % len(up)], key)).told for number in range(jobs)]


async def test_the_database_dies_and_then_whoever_exports_does() -> None:
    with postgres() as server:
        async with open_fleet(team(budget("100.00")), gateways=2, database_url=server.url) as fleet:
            key = await fleet.key()
            assert set(await sell(fleet, key, 20)) == {"accepted"}
            await until_so(fleet.exported)
            server.kill()
            assert set(await sell(fleet, key, 20)) == {"accepted"}
            fleet.gateways[0].kill()
            # It starts without its database.
            await fleet.gateways[0].start()
            server.start()
            selling = asyncio.create_task(sell(fleet, key, 20))
            await asyncio.sleep(0.5)
            server.kill()
            server.start()
            assert set(await selling) == {"accepted"}
            books = await fleet.in_order()
            assert books.total("budget") == (60 * COST, 0)
            for gateway in fleet.gateways:
                assert await gateway.ready()
