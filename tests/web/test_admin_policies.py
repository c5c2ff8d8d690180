"""Policies on the control plane: what is live, what would be, and what becomes so."""

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.policy_version import version_of
from tests.control import RunningControl, running_control
from tests.doubles import policy_files

VIDEO = policy_files("video")
BOTH = policy_files("video", "audio")


async def test_applied_policies_are_live(plane: RunningControl) -> None:
    status, told = await plane.ask("POST", "/admin/v1/policies/apply", {"files": BOTH})
    assert (status, told) == (200, {"version": version_of(BOTH), "changed": True})
    status, told = await plane.ask("POST", "/admin/v1/policies/apply", {"files": BOTH})
    assert (status, told) == (200, {"version": version_of(BOTH), "changed": False})

    status, told = await plane.ask("GET", "/admin/v1/policies/live")
    assert status == 200
    assert told == {
        "version": version_of(BOTH),
        "used": version_of(BOTH),
        "complaints": [],
        "organization": "acme",
        "teams": ["audio", "video"],
        "files": BOTH,
    }


async def test_a_check_says_the_version_and_changes_nothing(plane: RunningControl) -> None:
    assert await plane.ask("POST", "/admin/v1/policies/check", {"files": BOTH}) == (200, {"version": version_of(BOTH)})
    assert (await plane.ask("GET", "/admin/v1/policies/live"))[1]["version"] == version_of(VIDEO)


async def test_files_are_applied_only_to_what_was_seen(plane: RunningControl) -> None:
    status, told = await plane.ask(
        "POST", "/admin/v1/policies/apply", {"files": BOTH}, headers={**plane.admin, "If-Match": '"another"'}
    )
    assert (status, told["error"]["code"]) == (412, "CHANGED_MEANWHILE")
    assert (await plane.ask("GET", "/admin/v1/policies/live"))[1]["version"] == version_of(VIDEO)
    status, _ = await plane.ask(
        *("POST", "/admin/v1/policies/apply", {"files": BOTH}),
        headers={**plane.admin, "If-Match": f'"{version_of(VIDEO)}"'},
    )
    assert status == 200


async def test_what_became_live_since_it_was_compared_is_not_replaced(
    plane: RunningControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, others = plane.control.desk, policy_files("video", "web")
    live = desk.live

    async def and_then_another() -> object:
        seen = await live()
        monkeypatch.setattr(desk, "live", live)
        await desk.publish(others, ())
        return seen

    monkeypatch.setattr(desk, "live", and_then_another)
    if_match = {**plane.admin, "If-Match": f'"{version_of(VIDEO)}"'}
    asked = {"files": BOTH, "remove_teams": ["web"]}
    status, told = await plane.ask("POST", "/admin/v1/policies/apply", asked, headers=if_match)
    assert (status, told["error"]["code"]) == (409, "POLICY_CONFLICT")
    assert (await plane.ask("GET", "/admin/v1/policies/live"))[1]["version"] == version_of(others)


async def test_where_nothing_is_live_nothing_was_seen(store: Store) -> None:
    async with running_control(store) as plane:
        if_match = {**plane.admin, "If-Match": "*"}
        status, told = await plane.ask("POST", "/admin/v1/policies/apply", {"files": VIDEO}, headers=if_match)
        assert (status, told["error"]["code"]) == (412, "CHANGED_MEANWHILE")
