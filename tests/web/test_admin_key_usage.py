"""What a key is used for, as the control plane of a gateway with its SQL ledger tells it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters import exporter
from tests.walkthrough.house import SEED, House, open_house, until
from tests.walkthrough.policies import budget, team


async def usage(house: House, key_id: str, query: str = "") -> Any:
    answer = await house.control("GET", f"/admin/v1/keys/{key_id}/usage{query}")
    assert answer.status == 200, answer.document
    return answer.document


async def test_jobs_money_and_refusals_of_one_key_under_both_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "DELAY_S", 0.0)
    async with open_house(team(budget("1.50", per="key"))) as house:
        key, other = await house.key(), await house.key()
        assert (await house.submit(key, **SEED)).status == 200
        assert (await house.submit(other, **SEED)).status == 200
        rotated = await house.control("POST", f"/admin/v1/keys/{key.id}/rotate", {"grace_seconds": 0})
        again = type(key)(key.id, rotated.document["key"])
        assert (await house.submit(again, **SEED)).status == 200
        assert (await house.submit(again, **SEED)).status == 402

        async def told() -> bool:
            found = await usage(house, key.id)
            return found["total"]["charged_usd"] == "1.400000" and len(found["refused"]) == 1

        await until(told)
        found = await usage(house, key.id)
        whole = {"jobs": 2, "held_usd": "0.000000", "charged_usd": "1.400000", "refunded_usd": "0.000000"}
        assert found["total"] == whole
        assert [{**day, "day": ""} for day in found["days"]] == [{**whole, "day": ""}]
        assert found["refused"] == [{"code": "BUDGET_EXCEEDED", "limit": "budget", "jobs": 1, "usd": "0.700000"}]
        [limit] = found["limits"]
        assert (limit["name"], limit["posted"], limit["headroom"]) == ("budget", "1.400000", "0.100000")
        assert found["key"]["id"] == key.id

        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
        assert (await usage(house, key.id, f"?since={tomorrow}"))["total"]["jobs"] == 0
        missing = await house.control("GET", "/admin/v1/keys/key_none/usage")
        assert (missing.status, missing.document["error"]["code"]) == (404, "KEY_NOT_FOUND")


async def test_a_time_long_ago_is_told_as_it_was_asked_for() -> None:
    async with open_house() as house:
        key = await house.key()
        assert (await usage(house, key.id, "?since=0196-06-19T05:36:20Z"))["since"] == "0196-06-19T05:36:20Z"
