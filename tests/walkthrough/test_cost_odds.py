"""What the upstream charges is what is posted; a price that it does not keep is closed until somebody mends it."""

import logging

import pytest

from gateway.sandbox import Faults
from tests.walkthrough.house import SLUG, open_house
from tests.walkthrough.policies import budget, quota, team

OTHER = "bytedance-plus/seedream-v4.5/text-to-image"


async def test_three_overages_close_a_model_and_an_operator_opens_it(caplog: pytest.LogCaptureFixture) -> None:
    rules = team(budget("50.00"), quota("jobs", 10))
    async with open_house(rules, faults=Faults(cost_factor="1.5")) as house:
        key = await house.key()
        once = {"Idempotency-Key": "first"}
        with caplog.at_level(logging.ERROR, "tollhouse.submit"):
            first = await house.submit(key, headers=once)
            assert [(await house.submit(key)).status for _ in range(2)] == [200, 200]
        assert [record.__dict__["fields"]["model"] for record in caplog.records] == [SLUG]

        refused = await house.submit(key)
        assert (refused.status, refused.code) == (403, "PRICE_UNKNOWN")
        assert "closed" in refused.error["message"]
        assert (await house.submit(key, model=OTHER)).status == 200
        assert (await house.submit(key, headers=once)).body == first.body
        metrics = await house.metrics()
        assert metrics("tollhouse_price_closed", model=SLUG) == 1
        # An overage is money, and never one more job.
        accounts = await house.accounts()
        assert accounts["team:video:budget:usd"] == (house.sandbox.account.spent, 0)
        assert accounts["team:video:jobs:jobs"] == (4, 0)

        reopened = await house.control("POST", "/admin/v1/closed-prices/reopen", {"model": SLUG})
        assert reopened.status == 200
        assert (await house.submit(key)).status == 200


async def test_a_difference_of_one_micro_usd_is_rounding_and_a_discount_returns_the_rest() -> None:
    async with open_house(team(budget("50.00"))) as house:
        key = await house.key()
        for cost in (350_001, 350_001, 350_001, 350_001, 100):
            assert (await house.submit(key, sandbox={"cost": cost})).status == 200
        assert (await house.submit(key)).status == 200
        accounts = await house.accounts()
        assert accounts["team:video:budget:usd"] == (4 * 350_001 + 100 + 350_000, 0)
