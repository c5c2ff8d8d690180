"""A gateway that watches its directory: seen in its limits, its readiness and its metrics."""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from gateway.wiring import open_gateway
from tests.walkthrough import policies
from tests.walkthrough.house import until
from tests.walkthrough.policies import budget, team
from tests.wiring.starting import settings

FAILED = "tollhouse_policy_watch_failed 1.0"


async def test_a_changed_directory_is_live_and_a_bad_one_is_told(tmp_path: Path) -> None:
    given = settings(tmp_path, team(budget("1.00"), slug="demo"), policies_watch="true")
    async with open_gateway(given) as gateway, ClientSession() as session:

        async def ready() -> Any:
            async with session.get(f"{gateway.data_url}/readyz") as reply:
                return reply.status, (await reply.json())["degraded"]

        async def metrics() -> str:
            async with session.get(f"{gateway.control_url}/metrics") as reply:
                return await reply.text()

        async def seen() -> bool:
            return 'limit="budget",meter="usd",name="demo",scope="team"} 2.0' in await metrics()

        assert await ready() == (200, [])
        policies.write(tmp_path / "policies", team(budget("2.00"), slug="demo"))
        await until(seen)

        (tmp_path / "policies" / "teams" / "demo.toml").write_text("x = ")

        async def told() -> bool:
            return await ready() == (200, ["policies_directory"])

        await until(told)
        assert await seen()
        assert FAILED in await metrics()
        policies.write(tmp_path / "policies", team(budget("2.00"), slug="demo"))
        await until(lambda: _well(ready))
        assert FAILED not in await metrics()


async def _well(ready: Any) -> bool:
    await asyncio.sleep(0.05)
    return bool(await ready() == (200, []))
