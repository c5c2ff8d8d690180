"""`/metrics` over real sockets: counters of the process and figures of the store, or what there is of them."""

import pytest

from gateway.web.metrics import CONTENT_TYPE
from tests.walkthrough.house import SEED, SLUG, open_house
from tests.walkthrough.outage import outage_of
from tests.walkthrough.policies import budget, in_flight, quota, team


async def test_the_limits_of_the_store_and_the_counters_of_the_process() -> None:
    async with open_house(team(budget("5.00"), quota("jobs", 10), in_flight(3))) as house:
        key = await house.key()
        for faults in ({}, {"reset_after": True}):
            await house.submit(key, **SEED, sandbox=faults)

        metrics = await house.metrics()

        def limit(gauge: str, name: str, meter: str) -> float | None:
            return metrics(f"tollhouse_limit_{gauge}", scope="team", name="video", limit=name, meter=meter)

        figures = ("ceiling", "posted", "held")
        assert [limit(gauge, "budget", "usd") for gauge in figures] == [5.0, 0.7, 0.7]
        assert [limit(gauge, "jobs", "jobs") for gauge in figures] == [10, 1, 1]
        assert [limit(gauge, "at-once", "in_flight") for gauge in figures] == [3, 0, 2]
        assert metrics(
            "tollhouse_limit_posted", scope="organization", name="acme", limit="ample", meter="usd"
        ) == pytest.approx(0.7)
        assert [metrics("tollhouse_holds", state=state) for state in ("held", "in_doubt", "captured")] == [0, 1, 1]
        assert metrics("tollhouse_cost_usd_total", team="video", model=SLUG) == pytest.approx(0.7)
        assert metrics("tollhouse_build_info", version=house.gateway.version) == 1
        live = (await house.control("GET", "/admin/v1/policies/live")).document["version"]
        assert metrics("tollhouse_policy_info", version=live) == 1
        assert abs(metrics("tollhouse_clock_skew_seconds") or 0.0) < 1
        assert (metrics("tollhouse_store_seconds_count", operation="hold") or 0) == 2


async def test_it_needs_no_key_and_is_not_on_the_data_plane() -> None:
    async with open_house() as house:
        answer = await house.call("GET", house.gateway.control_url + "/metrics")
        assert (answer.status, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
        assert (await house.call("GET", house.gateway.data_url + "/metrics")).status == 404
        assert (await house.call("POST", house.gateway.control_url + "/metrics")).status == 405


async def test_while_the_store_is_gone_the_counters_are_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house() as house:
        key, outage = await house.key(), await outage_of(house, monkeypatch)
        assert (await house.submit(key)).status == 200
        outage.begin()
        assert (await house.submit(key)).status == 503

        metrics = await house.metrics()

        assert metrics("tollhouse_submissions_total", team="video", model=SLUG, outcome="accepted") == 1
        assert "tollhouse_holds{" not in metrics.text
        assert "tollhouse_limit_posted{" not in metrics.text
        await outage.end()
        assert (await house.metrics())("tollhouse_holds", state="captured") == 1


async def test_a_changed_policy_shows_its_new_ceiling_with_the_old_figures() -> None:
    async with open_house(team(budget("5.00"))) as house:
        key = await house.key()
        await house.submit(key)
        await house.apply(team(budget("0.10")))
        metrics = await house.metrics()
        labels = {"scope": "team", "name": "video", "limit": "budget", "meter": "usd"}
        assert metrics("tollhouse_limit_ceiling", **labels) == 0.1
        assert metrics("tollhouse_limit_posted", **labels) == 0.35
        assert (await house.limit(key, "budget"))["headroom"] == "-0.250000"
        assert (await house.submit(key)).code == "REQUEST_EXCEEDS_LIMIT"
