"""Plans on the control plane: what would change, what must be named, and that nothing does."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from gateway.core.policy_version import version_of
from tests.control import RunningControl, running_control
from tests.walkthrough.policies import budget, team, whole

PLAN = "/admin/v1/policies/plan"
LIVE = whole(team(budget("5.00")), team(budget("1.00"), slug="audio"))
OTHER = whole(team(budget("5.00", window="day"), budget("0.00", "second")))


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store, compile_files=load) as plane:
        await plane.control.desk.publish(LIVE, ())
        yield plane


async def test_a_plan_says_what_applying_needs_and_does(plane: RunningControl) -> None:
    await plane.issue()
    status, told = await plane.ask("POST", PLAN, {"files": OTHER})
    assert status == 200
    assert (told["live"], told["used"], told["version"]) == (version_of(LIVE), version_of(LIVE), version_of(OTHER))
    assert told["needs"] == {"expect": version_of(LIVE), "reset": ["video/budget"], "remove_teams": ["audio"]}
    assert told["left_behind"] == [
        {"limit": "video/budget", "meter": "usd", "window": "2026-11", "posted": "0.000000", "held": "0.000000"}
    ]
    assert [(one["limit"], one["ceiling"]) for one in told["full"]] == [("video/second", "0.000000")]
    assert told["keys"] == {"audio": 0, "video": 1}
    anew = next(one for one in told["changes"] if one["verb"] == "starts_anew")
    assert (anew["owner"], anew["thing"], anew["name"]) == ("video", "limit", "budget")
    assert (anew["before"], anew["after"]) == ({"window": "month"}, {"window": "day"})
    assert (await plane.ask("GET", "/admin/v1/policies/live"))[1]["version"] == version_of(LIVE)

    status, applied = await plane.ask("POST", "/admin/v1/policies/apply", {"files": OTHER, **told["needs"]})
    assert (status, applied["version"]) == (200, version_of(OTHER))
    assert (await plane.ask("POST", PLAN, {"files": OTHER}))[1]["changes"] == []
    assert (await plane.ask("POST", PLAN, {"version": version_of(LIVE)}))[1]["version"] == version_of(LIVE)


async def test_files_with_mistakes_are_no_plan(plane: RunningControl) -> None:
    assert (await plane.ask("POST", PLAN, {"files": {"organization.toml": "x"}}))[0] == 422


@pytest.mark.parametrize("body", [{}, {"files": {}, "version": "x"}])
async def test_either_files_or_a_version(plane: RunningControl, body: dict[str, object]) -> None:
    status, told = await plane.ask("POST", PLAN, body)
    assert (status, told["error"]["code"]) == (400, "INVALID_INPUT")


async def test_a_version_that_never_was_is_not_found(plane: RunningControl) -> None:
    status, told = await plane.ask("POST", PLAN, {"version": "0123456789abcdef"})
    assert (status, told["error"]["code"]) == (404, "POLICY_NOT_FOUND")
