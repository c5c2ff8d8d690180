"""An override: another ceiling for a while, on every gateway, shown where limits are shown."""

import asyncio
from datetime import datetime, timedelta

from gateway.adapters.system import SystemClock
from tests.walkthrough.house import House, Key, open_house
from tests.walkthrough.policies import budget, team


def override(ceiling: str, starts: timedelta, ends: timedelta) -> str:
    now = SystemClock().now()
    return (
        f'[[override]]\nlimit = "budget"\nceiling = "{ceiling}"\nreason = "launch week"\n'
        f'approved_by = "cfo@example.com"\n'
        f"from = {(now + starts).isoformat()}\nuntil = {(now + ends).isoformat()}\n"
    )


HOUR = timedelta(hours=1)


async def accepted(house: House, key: Key, most: int = 10) -> int:
    """How many jobs of $0.35 pass before one is refused."""
    for count in range(most):
        if (await house.submit(key)).status != 200:
            return count
    return most


async def test_while_it_lasts_it_replaces_the_ceiling() -> None:
    async with open_house(team(budget("0.70"), override("1.40", -HOUR, HOUR))) as house:
        key = await house.key()
        assert (await house.limit(key, "budget"))["ceiling"] == "1.400000"
        assert await accepted(house, key) == 4
        refused = await house.submit(key)
        assert (refused.code, refused.details["ceiling"]) == ("BUDGET_EXCEEDED", "1.400000")
        metrics = await house.metrics()
        labels = {"scope": "team", "name": "video", "limit": "budget", "meter": "usd"}
        assert metrics("tollhouse_limit_ceiling", **labels) == 1.4


async def test_before_and_after_it_the_ceiling_is_the_files() -> None:
    async with open_house(team(budget("0.70"), override("9.00", HOUR, 2 * HOUR))) as house:
        key = await house.key()
        assert await accepted(house, key) == 2
        await house.apply(team(budget("0.70"), override("9.00", -2 * HOUR, -HOUR)))
        assert (await house.submit(key)).code == "BUDGET_EXCEEDED"


async def test_it_may_lower_the_ceiling_to_nothing_and_what_was_posted_stays() -> None:
    async with open_house(team(budget("7.00"))) as house:
        key = await house.key()
        assert (await house.submit(key)).status == 200
        await house.apply(team(budget("7.00"), override("0.00", -HOUR, HOUR)))
        assert (await house.submit(key)).code == "REQUEST_EXCEEDS_LIMIT"
        row = await house.limit(key, "budget")
        assert (row["posted"], row["ceiling"], row["headroom"]) == ("0.350000", "0.000000", "-0.350000")
        await house.apply(team(budget("7.00")))
        assert (await house.limit(key, "budget"))["headroom"] == "6.650000"


async def test_it_begins_and_ends_by_itself_from_one_request_to_the_next() -> None:
    async with open_house(team(budget("0.70"))) as house:
        key = await house.key()
        assert await accepted(house, key) == 2
        began = SystemClock().now() + timedelta(seconds=1)
        await house.apply(team(budget("0.70"), override("1.75", timedelta(seconds=1), timedelta(seconds=3))))
        version = (await house.control("GET", "/admin/v1/policies/live")).document["version"]
        assert (await house.submit(key)).details["ceiling"] == "0.700000"
        await past(began)
        assert (await house.submit(key)).status == 200
        assert (await house.limit(key, "budget"))["ceiling"] == "1.750000"
        assert (await house.submit(key)).status == 200
        await past(began + timedelta(seconds=2))
        refused = await house.submit(key)
        named = refused.code, refused.details["ceiling"], refused.details["posted"]
        assert named == ("BUDGET_EXCEEDED", "0.700000", "1.400000")
        assert (await house.control("GET", "/admin/v1/policies/live")).document["version"] == version


async def past(instant: datetime) -> None:
    await asyncio.sleep((instant - SystemClock().now()).total_seconds() + 0.05)
