"""What the control plane says no to, each by its own code."""

import re

import pytest

from gateway.adapters.redis.connection import Store, connect
from gateway.core.policy_version import version_of
from gateway.web.admin import admin_routes
from tests.control import RunningControl, running_control
from tests.doubles import policy_files

VIDEO = policy_files("video")
BOTH = policy_files("video", "audio")


@pytest.mark.parametrize(("method", "path"), [("GET", "/admin/v1/keys/key_1"), ("POST", "/admin/v1/keys/key_1/revoke")])
async def test_a_key_that_does_not_exist_is_not_found(plane: RunningControl, method: str, path: str) -> None:
    status, told = await plane.ask(method, path)
    assert (status, told["error"]["code"]) == (404, "KEY_NOT_FOUND")


async def test_a_team_that_does_not_exist_is_not_found(plane: RunningControl) -> None:
    status, told = await plane.ask("POST", "/admin/v1/keys", {"team": "ghosts", "name": "x"})
    assert (status, told["error"]["code"]) == (404, "TEAM_UNKNOWN")
    assert told["error"]["details"] == {"source": "gateway", "field": "team"}


@pytest.mark.parametrize("path", ["/admin/v1/policies/check", "/admin/v1/policies/apply"])
async def test_every_mistake_in_the_files_is_told(plane: RunningControl, path: str) -> None:
    bad = policy_files("video", **{"teams/audio.toml": "bad", "prices/1.toml": "bad"})
    status, told = await plane.ask("POST", path, {"files": bad})
    assert (status, told["error"]["code"]) == (422, "POLICY_INVALID")
    assert told["error"]["details"]["complaints"] == [
        {"file": file, "key": "", "message": "is bad", "line": None, "suggestion": None}
        for file in ("prices/1.toml", "teams/audio.toml")
    ]

    foreign = policy_files("video", organization="umbrella")
    status, told = await plane.ask("POST", path, {"files": foreign})
    assert (status, told["error"]["code"]) == (409, "ORGANIZATION_MISMATCH")
    assert (await plane.ask("GET", "/admin/v1/policies/live"))[1]["version"] == version_of(VIDEO)


async def test_a_team_goes_only_by_name(plane: RunningControl) -> None:
    await plane.control.desk.publish(BOTH, ())
    status, told = await plane.ask("POST", "/admin/v1/policies/apply", {"files": VIDEO})
    assert (status, told["error"]["code"]) == (409, "POLICY_REMOVES_TEAMS")
    assert told["error"]["details"]["teams"] == ["audio"]

    body = {"files": VIDEO, "remove_teams": ["audio"]}
    assert (await plane.ask("POST", "/admin/v1/policies/apply", body))[0] == 200


async def test_before_the_first_policies_there_are_none_to_show(store: Store) -> None:
    async with running_control(store) as plane:
        status, told = await plane.ask("GET", "/admin/v1/policies/live")
    assert (status, told["error"]["code"]) == (404, "POLICY_NOT_FOUND")


async def test_without_the_store_every_route_says_so() -> None:
    gone = connect("unix:///nowhere/at/all")
    bodies = {"/admin/v1/keys": {"team": "video", "name": "x"}, "/admin/v1/policies/apply": {"files": VIDEO}}
    bodies["/admin/v1/closed-prices/reopen"] = {"model": "a/b"}
    why = {"reason": "the provider said so", "author": "somebody"}
    bodies |= {"/admin/v1/holds/{id}/capture": {**why, "job": "job_1"}, "/admin/v1/holds/{id}/void": why}
    bodies["/admin/v1/policies/plan"] = {"files": VIDEO}
    bodies["/admin/v1/keys/{id}/rotate"] = {}
    bodies["/admin/v1/admin-keys"] = {"name": "somebody", "role": "viewer"}
    async with running_control(gone, started=False) as plane:
        routes = [(route.method, route.path) for route in admin_routes(plane.control)]
        # What is asked for no more than a look says so too, in its own way.
        other = {"/admin/v1/policies/check", "/admin/v1/doctor"}
        asking = [(method, path) for method, path in routes if path not in other]
        for method, path in asking:
            body = bodies.get(path) if method == "POST" else None
            query = "?team=video" if path == "/admin/v1/jobs" else ""
            status, told = await plane.ask(method, re.sub(r"{\w+}", "key_1", path) + query, body)
            assert (status, told["error"]["code"]) == (503, "STORE_UNAVAILABLE"), path
        assert (await plane.ask("POST", "/admin/v1/policies/check", {"files": VIDEO}))[0] == 200
    await gone.close()
