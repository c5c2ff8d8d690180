"""Teams on the control plane: what each may spend, for those who may know."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from tests.control import RunningControl, running_control
from tests.walkthrough.policies import allow, budget, team, whole

BUDGET = {
    "name": "budget",
    "scope": "team",
    "meter": "usd",
    "window": "month",
    "mode": "enforce",
    "key": None,
    "ceiling": "5.000000",
    "posted": "0.000000",
    "held": "0.000000",
    "headroom": "5.000000",
    "resets_at": "2026-12-01T00:00:00Z",
}


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store, compile_files=load) as plane:
        video = team(
            budget("5.00"), budget("2.00", "each", per="key"), allow(cost_per_job="1.50", models=["kling/*"]),
            owner="v@example.com", cost_center="CC-1",
        )  # fmt: skip
        files = whole(video, team(slug="audio"), team(budget("5.00"), slug="blue"))
        await plane.control.desk.publish(files, ())
        yield plane


async def test_a_list_of_pages(plane: RunningControl) -> None:
    status, told = await plane.ask("GET", "/admin/v1/teams?limit=2")
    assert status == 200
    nobody = {"owner": None, "cost_center": None}
    assert told == {
        "teams": [
            {"team": "audio", **nobody, "unlimited": True, "limits": []},
            {"team": "blue", **nobody, "unlimited": False, "limits": [BUDGET]},
        ],
        "next_cursor": "blue",
    }
    status, told = await plane.ask("GET", f"/admin/v1/teams?limit=2&cursor={told['next_cursor']}")
    assert ([one["team"] for one in told["teams"]], told["next_cursor"]) == (["video"], None)
    assert told["teams"][0]["limits"] == [BUDGET]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=a", f"cursor={'x' * 101}"])
async def test_a_query_that_is_none(plane: RunningControl, query: str) -> None:
    status, told = await plane.ask("GET", f"/admin/v1/teams?{query}")
    assert (status, told["error"]["code"]) == (400, "INVALID_INPUT")


async def test_one_team_with_all_that_it_is_held_to(plane: RunningControl) -> None:
    issued = await plane.issue()
    status, told = await plane.ask("GET", "/admin/v1/teams/video")
    assert status == 200
    limits = told.pop("limits")
    assert told == {
        "team": "video",
        "owner": "v@example.com",
        "cost_center": "CC-1",
        "unlimited": False,
        "models": ["kling/*"],
        "cost_per_job": "1.500000",
    }
    assert [(one["scope"], one["name"], one["key"]) for one in limits] == [
        ("organization", "ample", None),
        ("team", "budget", None),
        ("key", "each", issued["id"]),
    ]
    status, told = await plane.ask("GET", "/admin/v1/teams/nobody")
    assert (status, told["error"]["code"]) == (404, "TEAM_UNKNOWN")


async def test_a_lead_sees_their_own_team_and_no_other(plane: RunningControl) -> None:
    status, issued = await plane.ask("POST", "/admin/v1/admin-keys", {"name": "l", "role": "team-lead", "team": "blue"})
    lead = {"Authorization": f"Bearer {issued['key']}"}
    for query in ("", "?cursor=audio", "?limit=1"):
        _, told = await plane.ask("GET", f"/admin/v1/teams{query}", headers=lead)
        assert ([one["team"] for one in told["teams"]], told["next_cursor"]) == (["blue"], None)
    assert (await plane.ask("GET", "/admin/v1/teams?cursor=blue", headers=lead))[1]["teams"] == []
    assert (await plane.ask("GET", "/admin/v1/teams/blue", headers=lead))[0] == 200
    for other in ("video", "nobody"):
        status, told = await plane.ask("GET", f"/admin/v1/teams/{other}", headers=lead)
        assert (status, told["error"]["code"]) == (404, "TEAM_UNKNOWN")
