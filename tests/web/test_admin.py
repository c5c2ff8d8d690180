"""The control plane's routes through real sockets: for the holder of the admin key alone, every change on record."""

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.key_secret import Kind, mint
from gateway.core.policy_version import version_of
from gateway.web import admin_errors
from gateway.web.admin import admin_routes
from tests.control import ADMIN_KEY, RunningControl, running_control
from tests.doubles import SeededEntropy, policy_files

DOCUMENT = Path(__file__).parents[2] / "docs" / "control-plane.md"
VIDEO = policy_files("video")
BOTH = policy_files("video", "audio")


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    """Team `video` is live."""
    async with running_control(store) as plane:
        await plane.control.desk.publish(VIDEO, ())
        yield plane


def routes(plane: RunningControl) -> list[tuple[str, str]]:
    return [(route.method, route.path) for route in admin_routes(plane.control)]


# Who may.


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "UNAUTHORIZED"),
        ({"Authorization": "Bearer "}, "INVALID_API_KEY"),
        ({"Authorization": f"Basic {ADMIN_KEY}"}, "INVALID_API_KEY"),
        ({"x-api-key": ADMIN_KEY[:-1]}, "INVALID_API_KEY"),
        ({"x-api-key": mint(Kind.ADMIN, SeededEntropy("another").token(64))}, "INVALID_API_KEY"),
        ({"x-api-key": mint(Kind.LIVE, SeededEntropy("admin").token(64))}, "INVALID_API_KEY"),
    ],
)
async def test_no_route_opens_without_the_admin_key(plane: RunningControl, headers: dict[str, str], code: str) -> None:
    for method, path in routes(plane):
        status, told = await plane.ask(method, re.sub(r"{\w+}", "key_1", path), headers=headers)
        assert (status, told["error"]["code"]) == (401, code), path


async def test_a_key_of_the_data_plane_never_administers(plane: RunningControl) -> None:
    issued = await plane.issue()
    status, told = await plane.ask("GET", "/admin/v1/keys", headers={"x-api-key": issued["key"]})
    assert (status, told["error"]["code"]) == (401, "INVALID_API_KEY")


async def test_either_header_is_taken(plane: RunningControl) -> None:
    for headers in ({"x-api-key": ADMIN_KEY}, {"Authorization": f"bearer {ADMIN_KEY}"}):
        assert (await plane.ask("GET", "/admin/v1/keys", headers=headers))[0] == 200


async def test_a_configured_text_that_is_no_admin_key_opens_nothing(store: Store) -> None:
    async with running_control(store, admin_key="admin") as plane:
        status, _ = await plane.ask("GET", "/admin/v1/keys", headers={"x-api-key": "admin"})
    assert status == 401


# Keys.


async def test_keys_are_listed_by_team(plane: RunningControl) -> None:
    await plane.control.desk.publish(BOTH, ())
    ids = [(await plane.issue(team=team))["id"] for team in ("video", "audio")]
    for query, expected in (("", ids), ("?team=audio", ids[1:]), ("?team=ghosts", [])):
        status, told = await plane.ask("GET", f"/admin/v1/keys{query}")
        assert status == 200
        assert {key["id"] for key in told["keys"]} == set(expected)
    status, told = await plane.ask("GET", "/admin/v1/keys?taem=audio")
    assert (status, told["error"]["code"]) == (400, "INVALID_INPUT")


async def test_a_revoked_key_stays_on_record(plane: RunningControl) -> None:
    issued = await plane.issue()
    for _ in range(2):
        status, told = await plane.ask("POST", f"/admin/v1/keys/{issued['id']}/revoke")
        assert status == 200
        assert (told["status"], told["revoked_at"], told["revision"]) == ("revoked", "2026-11-23T12:00:00Z", 2)
    assert (await plane.ask("GET", f"/admin/v1/keys/{issued['id']}"))[1] == told


# Policies.


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


# Everything.


async def test_every_change_is_one_line_of_audit_without_secrets(
    plane: RunningControl, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tollhouse.audit")
    issued = await plane.issue()
    await plane.ask("POST", f"/admin/v1/keys/{issued['id']}/revoke")
    await plane.ask("POST", f"/admin/v1/keys/{issued['id']}/revoke")
    await plane.ask("POST", "/admin/v1/policies/apply", {"files": BOTH})
    await plane.ask("POST", "/admin/v1/policies/apply", {"files": BOTH})
    await plane.ask("POST", "/admin/v1/policies/check", {"files": BOTH})
    await plane.ask("GET", "/admin/v1/keys")

    lines = [record for record in caplog.records if record.name == "tollhouse.audit"]
    who = {"by": "admin", "from": "127.0.0.1", "request": "made"}
    key = {"key": issued["id"], "team": "video", "name": "render farm"}
    assert [(line.getMessage(), line.__dict__["fields"]) for line in lines] == [
        ("key issued", {**key, "test": False, **who}),
        ("key revoked", {**key, **who}),
        ("policies applied", {"version": version_of(BOTH), "removed_teams": [], "reset": [], **who}),
    ]
    for line in lines:
        written = json.dumps(line.__dict__["fields"])
        assert issued["key"] not in written
        assert ADMIN_KEY not in written


async def test_every_route_and_error_is_documented(plane: RunningControl) -> None:
    documented = DOCUMENT.read_text("utf-8")
    headings = re.findall(r"^### `(GET|POST) (/admin/v1/[^`]*)`", documented, re.MULTILINE)
    assert sorted(headings) == sorted(routes(plane))
    for code, status in admin_errors.CODES.items():
        assert re.search(rf"^\| {status} \| `{code}` \|", documented, re.MULTILINE), code


def test_the_admin_key_does_not_show_in_a_representation(plane: RunningControl) -> None:
    assert ADMIN_KEY not in repr(plane.control)
