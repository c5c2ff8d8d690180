"""What the control plane takes and shows: keys whole and without digests, bodies strictly, wrong fields by name."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.key_secret import Kind, kind_of
from tests.control import ADMIN_KEY, RunningControl
from tests.doubles import policy_files

VIDEO = policy_files("video")


async def test_an_issued_key_is_told_once_and_whole(plane: RunningControl) -> None:
    issued = await plane.issue(
        scopes=["list_models", "check_status"],
        models=["kling/*"],
        networks=["192.0.2.0/24", "2001:db8::1"],
        expires_at="2026-12-31T18:00:00+01:00",
        project="P-1",
        tags={"cost.center": "CC-4711"},
    )
    secret = issued.pop("key")
    assert kind_of(secret) is Kind.LIVE
    assert issued == {
        "id": issued["id"],
        "team": "video",
        "name": "render farm",
        "status": "active",
        "test": False,
        "last_four": secret[-4:],
        "scopes": ["check_status", "list_models"],
        "models": ["kling/*"],
        "networks": ["192.0.2.0/24", "2001:db8::1/128"],
        "created_at": "2026-11-23T12:00:00Z",
        "expires_at": "2026-12-31T17:00:00Z",
        "revoked_at": None,
        "revision": 1,
        "project": "P-1",
        "tags": {"cost.center": "CC-4711"},
        "previous": None,
    }
    assert await plane.ask("GET", f"/admin/v1/keys/{issued['id']}") == (200, {**issued, "used_in": None})
    listed = {"keys": [{**issued, "used_in": None}], "next_cursor": None}
    assert await plane.ask("GET", "/admin/v1/keys") == (200, listed)


async def test_without_scopes_a_key_has_all_and_with_none_it_has_none(plane: RunningControl) -> None:
    assert (await plane.issue())["scopes"] == ["check_status", "list_models", "submit_job"]
    assert (await plane.issue(scopes=[]))["scopes"] == []


async def test_a_test_key_looks_like_one(plane: RunningControl) -> None:
    issued = await plane.issue(test=True)
    assert (issued["test"], kind_of(issued["key"])) == (True, Kind.TEST)


async def test_an_expired_key_says_so(store: Store, plane: RunningControl) -> None:
    issued = await plane.issue(expires_at="2026-11-23T13:00:00Z")
    clock: Any = plane.control.clock
    clock.advance(timedelta(hours=1))
    assert (await plane.ask("GET", f"/admin/v1/keys/{issued['id']}"))[1]["status"] == "expired"


async def test_the_reply_with_a_secret_is_not_to_be_kept(plane: RunningControl) -> None:
    body = {"team": "video", "name": "x"}
    async with (
        aiohttp.ClientSession(headers={"x-api-key": ADMIN_KEY}) as session,
        session.post(plane.url + "/admin/v1/keys", json=body) as reply,
    ):
        assert (reply.status, reply.headers["Cache-Control"]) == (201, "no-store")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"team": 7}, "team"),
        ({"scopes": ["submit_job", "administer"]}, "scopes[1]"),
        ({"scopes": "submit_job"}, "scopes"),
        ({"models": [1]}, "models[0]"),
        ({"networks": ["192.0.2.7/24"]}, "networks[0]"),
        ({"networks": [3221225985]}, "networks[0]"),
        ({"expires_at": "2026-11-23T12:00:00Z"}, "expires_at"),
        ({"expires_at": "2026-12-31T18:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": 1798761600}, "expires_at"),
        ({"test": "yes"}, "test"),
        ({"tags": {"a b": "c"}}, "tags"),
        ({"tags": {"a": 1}}, "tags.a"),
        ({"admin": True}, "admin"),
    ],
)
async def test_a_wrong_field_is_named_and_makes_no_key(
    plane: RunningControl, more: dict[str, object], field: str
) -> None:
    body = {"team": "video", "name": "render farm", **more}
    status, told = await plane.ask("POST", "/admin/v1/keys", body)
    assert (status, told["error"]["code"], told["error"]["details"]["field"]) == (400, "INVALID_INPUT", field)
    assert f'"{field}"' in told["error"]["message"]
    assert await plane.ask("GET", "/admin/v1/keys") == (200, {"keys": [], "next_cursor": None})


@pytest.mark.parametrize("path", ["/admin/v1/keys", "/admin/v1/policies/check", "/admin/v1/policies/apply"])
async def test_a_body_that_is_no_object_is_refused(plane: RunningControl, path: str) -> None:
    bodies: list[object] = [[], "x", 1]
    for body in bodies:
        status, told = await plane.ask("POST", path, body)
        assert (status, told["error"]["code"]) == (400, "INVALID_INPUT")
    status, told = await plane.ask("POST", path)
    assert (status, told["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_field_given_twice_is_refused(plane: RunningControl) -> None:
    headers = {"x-api-key": ADMIN_KEY, "Content-Type": "application/json"}
    body = b'{"team": "video", "name": "x", "scopes": [], "scopes": ["submit_job"]}'
    async with (
        aiohttp.ClientSession() as session,
        session.post(plane.url + "/admin/v1/keys", data=body, headers=headers) as reply,
    ):
        told = await reply.json()
    assert (reply.status, told["error"]["details"]["field"]) == (400, "scopes")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "files"),
        ({"files": []}, "files"),
        ({"files": {"organization.toml": 1}}, "files.organization.toml"),
        ({"files": VIDEO, "force": True}, "force"),
        ({"files": VIDEO, "remove_teams": "audio"}, "remove_teams"),
    ],
)
async def test_a_wrong_upload_is_refused_by_field(plane: RunningControl, body: dict[str, object], field: str) -> None:
    status, told = await plane.ask("POST", "/admin/v1/policies/apply", body)
    assert (status, told["error"]["details"]["field"]) == (400, field)
