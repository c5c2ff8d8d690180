"""Admin keys over the wire: shown once, and useless from the request after their revocation on."""

import pytest

from gateway.core.key_secret import Kind, kind_of
from tests.control import RunningControl


async def test_a_key_is_issued_used_and_revoked(plane: RunningControl) -> None:
    status, issued = await plane.ask("POST", "/admin/v1/admin-keys", {"name": "ada", "role": "viewer"})
    assert status == 201
    secret = issued.pop("key")
    assert kind_of(secret) is Kind.ADMIN
    assert (issued["name"], issued["role"], issued["team"]) == ("ada", "viewer", None)
    assert issued["id"].startswith("adm_")
    assert (await plane.ask("GET", "/admin/v1/admin-keys"))[1] == {"admin_keys": [issued]}

    theirs = {"x-api-key": secret}
    assert (await plane.ask("GET", "/admin/v1/keys", headers=theirs))[0] == 200
    status, revoked = await plane.ask("POST", f"/admin/v1/admin-keys/{issued['id']}/revoke")
    assert (status, revoked["revoked_at"]) == (200, "2026-11-23T12:00:00Z")
    status, told = await plane.ask("GET", "/admin/v1/keys", headers=theirs)
    assert (status, told["error"]["code"]) == (401, "INVALID_API_KEY")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": "ada", "role": "king"}, "INVALID_INPUT", "role"),
        ({"name": "", "role": "viewer"}, "INVALID_INPUT", "name"),
        ({"name": "ada", "role": "team-lead"}, "INVALID_INPUT", "team"),
        ({"name": "ada", "role": "team-lead", "team": "nobody"}, "TEAM_UNKNOWN", "team"),
        ({"name": "ada", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, "INVALID_INPUT", "expires_at"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    plane: RunningControl, body: dict[str, str], code: str, field: str
) -> None:
    _, told = await plane.ask("POST", "/admin/v1/admin-keys", body)
    assert (told["error"]["code"], told["error"]["details"]["field"]) == (code, field)


async def test_a_key_that_is_none_is_not_found(plane: RunningControl) -> None:
    status, told = await plane.ask("POST", "/admin/v1/admin-keys/adm_none/revoke")
    assert (status, told["error"]["code"]) == (404, "KEY_NOT_FOUND")
