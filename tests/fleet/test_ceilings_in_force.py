"""An override begins and ends on every gateway by itself, and what it leaves behind is told once."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest

from gateway.adapters.system import SystemClock
from tests.adapters.webhooks.strangers import Stranger, stranger
from tests.rigs.child import until_so
from tests.rigs.fleet import Fleet, open_fleet
from tests.walkthrough.house import Key
from tests.walkthrough.policies import alerts_to, budget, team, whole
from tests.walkthrough.test_overrides import override

pytestmark = pytest.mark.xdist_group("fleet")

BUDGET = budget("2.10", alert_at=["100%", "200%"])


async def test_an_override_counts_on_every_gateway_from_the_next_submit_on_and_its_end_is_told_once() -> None:
    async with stranger() as receiver:
        rules = BUDGET, alerts_to(f"http://127.0.0.1:{receiver.port}/")
        async with open_fleet(team(*rules), webhook_allow_hosts="127.0.0.0/8") as fleet:
            key = await fleet.key()
            assert await told(fleet, key) == ["accepted"] * 3
            begins = SystemClock().now() + timedelta(seconds=3)
            files = whole(team(*rules, override("4.20", timedelta(seconds=3), timedelta(seconds=9))))
            await fleet.gateways[0].control("POST", "/admin/v1/policies/apply", {"files": files})
            assert await told(fleet, key) == ["BUDGET_EXCEEDED"] * 3
            await past(begins)
            assert await told(fleet, key) == ["accepted"] * 3
            assert await told(fleet, key) == ["BUDGET_EXCEEDED"] * 3
            await past(begins + timedelta(seconds=6))
            assert await told(fleet, key) == ["BUDGET_EXCEEDED"] * 3

            # Nothing moves any more; twice the ceiling is reached by the override's end alone.
            await until_so(lambda: so_many(receiver, 2))
            await asyncio.sleep(3)
            documents = [json.loads(body) for _, _, body in receiver.requests]
            reached = [(one["threshold"], one["ceiling"]) for one in documents]
            assert reached == [("100%", "2.100000"), ("200%", "2.100000")]
            await fleet.in_order()


async def told(fleet: Fleet, key: Key) -> list[str]:
    """What a submit at each gateway comes to."""
    return [(await fleet.crowd.submit(gateway, key)).told for gateway in fleet.gateways]


async def so_many(receiver: Stranger, alerts: int) -> bool:
    return len(receiver.requests) >= alerts


async def past(instant: datetime) -> None:
    await asyncio.sleep((instant - SystemClock().now()).total_seconds() + 0.05)
