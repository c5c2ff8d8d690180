"""A gateway is killed between a threshold that is reached and whoever is told of it: it is told, and raised once."""

import asyncio
import json
import random

import pytest

from gateway.core.money import format_usd
from tests.adapters.webhooks.strangers import Stranger, stranger
from tests.rigs.child import until_so
from tests.rigs.fleet import open_fleet
from tests.walkthrough.policies import alerts_to, budget, team

pytestmark = pytest.mark.xdist_group("crash")

# A look comes at least every second, a call at once behind it: within this the gateway dies before, between or behind.
_WITHIN_S = 1.5
PRICE = 350_000


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
async def test_killed_between_a_threshold_and_who_is_told_it_is_told_and_raised_once(seed: int, kills: int) -> None:
    """Of the limit of `n` double prices the n-th job reaches a half, and the 2n-th the whole: so each reaches some."""
    rng = random.Random(seed)
    limits = {f"of-{number}": format_usd(2 * number * PRICE) for number in range(1, kills // 2 + 1)}
    expected = sorted((name, threshold) for name in limits for threshold in ("50%", "100%"))
    async with stranger() as receiver:
        told = [budget(ceiling, name, alert_at=["50%", "100%"], mode="shadow") for name, ceiling in limits.items()]
        rules = team(budget("1000.00", "all"), *told, alerts_to(f"http://127.0.0.1:{receiver.port}/"))
        async with open_fleet(rules, gateways=1, webhook_allow_hosts="127.0.0.0/8") as fleet:
            gateway, key = fleet.gateways[0], await fleet.key()
            for _ in range(kills):
                assert (await fleet.crowd.submit(gateway, key)).told == "accepted"
                await asyncio.sleep(rng.uniform(0, _WITHIN_S))
                gateway.kill()
                await gateway.start()
            await until_so(lambda: so_many(receiver, len(expected)))
            raised = (await gateway.control("GET", "/admin/v1/alerts"))["alerts"]
            assert sorted((one["limit"], one["threshold"]) for one in raised) == expected
            # A call whose end the dead one did not see is made again, under the same id.
            assert ids(receiver) == {one["id"] for one in raised}
            books = await fleet.in_order()
            assert len([entry for entry in books.entries if entry.kind == "alert"]) == len(expected)


def ids(receiver: Stranger) -> set[str]:
    return {json.loads(body)["id"] for _, _, body in receiver.requests}


async def so_many(receiver: Stranger, alerts: int) -> bool:
    return len(ids(receiver)) >= alerts
