"""The control plane's routes through real sockets: for the holder of the admin key alone, every change on record."""

import json
import logging
import re
from pathlib import Path

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.key_secret import Kind, mint
from gateway.web import admin_errors
from gateway.web.admin import admin_routes
from tests.control import ADMIN_KEY, RunningControl, running_control
from tests.doubles import SeededEntropy, policy_files

DOCUMENT = Path(__file__).parents[2] / "docs" / "control-plane.md"
VIDEO = policy_files("video")
BOTH = policy_files("video", "audio")


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
    told = [(line.getMessage(), line.__dict__["fields"]["subject"], line.__dict__["fields"]["by"]) for line in lines]
    assert told == [
        ("key.issue", issued["id"], "bootstrap"),
        *[("key.revoke", issued["id"], "bootstrap")] * 2,
        *[("policies.apply", "policies", "bootstrap")] * 2,
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
