"""The history of policies on the control plane, and what a team is held to."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from gateway.core.policy_version import version_of
from tests.control import RunningControl, running_control
from tests.walkthrough.policies import budget, rate, team, whole

APPLY = "/admin/v1/policies/apply"
VERSIONS = "/admin/v1/policies/versions"
FIRST = whole(team(budget("5.00"), rate(5, "minute")))
SECOND = whole(team(budget("6.00"), rate(5, "minute")))


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store, compile_files=load) as plane:
        yield plane


async def test_an_older_version_is_applied_again_and_the_history_says_it_all(plane: RunningControl) -> None:
    first, second = version_of(FIRST), version_of(SECOND)
    said = {"author": "ada@example.com", "message": "more for video"}
    assert (await plane.ask("POST", APPLY, {"files": FIRST, "expect": "none"}))[0] == 200
    assert (await plane.ask("POST", APPLY, {"files": SECOND, **said}))[0] == 200
    status, told = await plane.ask("POST", APPLY, {"version": first, "message": "back"})
    assert (status, told) == (200, {"version": first, "changed": True})

    status, told = await plane.ask("GET", VERSIONS)
    rows = [
        (one["version"], one["replaced"], one["author"], one["message"], one["live"], one["at"])
        for one in told["versions"]
    ]
    noon = "2026-11-23T12:00:00Z"
    assert rows == [
        (first, second, "bootstrap", "back", True, noon),
        (second, first, "ada@example.com", "more for video", False, noon),
        (first, None, "bootstrap", "", False, noon),
    ]
    assert (await plane.ask("GET", f"{VERSIONS}/{second}"))[1] == {"version": second, "files": SECOND}
    assert (await plane.ask("GET", f"{VERSIONS}/none"))[0] == 404


async def test_what_was_planned_against_another_version_is_a_conflict(plane: RunningControl) -> None:
    await plane.ask("POST", APPLY, {"files": FIRST})
    status, told = await plane.ask("POST", APPLY, {"files": SECOND, "expect": version_of(SECOND)})
    assert (status, told["error"]["code"]) == (409, "POLICY_CONFLICT")
    assert (await plane.ask("GET", "/admin/v1/policies/live"))[1]["version"] == version_of(FIRST)


async def test_what_a_team_is_held_to_names_file_and_key(plane: RunningControl) -> None:
    await plane.ask("POST", APPLY, {"files": FIRST})
    status, told = await plane.ask("GET", "/admin/v1/policies/effective/video")
    assert status == 200
    assert told["models"] == {"patterns": ["*"], "source": {"file": "organization.toml", "key": "defaults.models"}}
    assert [(one["name"], one["ceiling"], one["headroom"], one["source"]) for one in told["limits"]] == [
        ("ample", "1000000.000000", "1000000.000000", {"file": "organization.toml", "key": "limit[0]"}),
        ("budget", "5.000000", "5.000000", {"file": "teams/video.toml", "key": "limit[0]"}),
    ]
    assert [one["source"] for one in told["rates"]] == [{"file": "teams/video.toml", "key": "rate[0]"}]
    assert (await plane.ask("GET", "/admin/v1/policies/effective/audio"))[0] == 404
