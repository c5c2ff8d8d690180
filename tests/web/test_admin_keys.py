"""Keys on the control plane: listed, shown, revoked; unless they changed meanwhile."""

import pytest

from tests.control import RunningControl
from tests.doubles import policy_files

VIDEO = policy_files("video")
BOTH = policy_files("video", "audio")


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
    assert (await plane.ask("GET", f"/admin/v1/keys/{issued['id']}"))[1] == {**told, "used_in": None}


async def test_a_key_is_revoked_only_as_it_was_seen(plane: RunningControl) -> None:
    issued = await plane.issue()
    path = f"/admin/v1/keys/{issued['id']}"
    status, told = await plane.ask("POST", f"{path}/revoke", headers={**plane.admin, "If-Match": '"7"'})
    assert (status, told["error"]["code"]) == (412, "CHANGED_MEANWHILE")
    assert (await plane.ask("GET", path))[1]["status"] == "active"
    status, told = await plane.ask("POST", f"{path}/revoke", headers={**plane.admin, "If-Match": 'W/"0", "1"'})
    assert (status, told["status"]) == (200, "revoked")


async def test_a_rotated_key_has_a_new_secret_and_says_how_long_the_old_one_opens_it(plane: RunningControl) -> None:
    issued = await plane.issue()
    path = f"/admin/v1/keys/{issued['id']}"
    status, told = await plane.ask("POST", f"{path}/rotate", {"grace_seconds": 3600})
    assert status == 200
    assert told["key"] not in (None, issued["key"])
    assert told["last_four"] == told["key"][-4:]
    assert told["previous"] == {"last_four": issued["last_four"], "until": "2026-11-23T13:00:00Z"}
    assert (told["id"], told["revision"]) == (issued["id"], 2)
    secret = told.pop("key")
    assert (await plane.ask("GET", path))[1] == {**told, "used_in": None}
    record = (await plane.ask("GET", "/admin/v1/audit?action=key.rotate"))[1]["records"][0]
    assert record["subject"] == issued["id"]
    assert secret not in str(record)


@pytest.mark.parametrize("grace", [-1, 90 * 86_400 + 1, "24h"])
async def test_a_grace_is_whole_seconds_and_at_most_ninety_days(plane: RunningControl, grace: object) -> None:
    issued = await plane.issue()
    status, told = await plane.ask("POST", f"/admin/v1/keys/{issued['id']}/rotate", {"grace_seconds": grace})
    assert (status, told["error"]["details"]["field"]) == (400, "grace_seconds")


async def test_a_key_is_rotated_only_as_it_was_seen_and_only_while_it_lives(plane: RunningControl) -> None:
    issued = await plane.issue()
    path = f"/admin/v1/keys/{issued['id']}"
    status, told = await plane.ask("POST", f"{path}/rotate", {}, headers={**plane.admin, "If-Match": '"7"'})
    assert (status, told["error"]["code"]) == (412, "CHANGED_MEANWHILE")
    status, told = await plane.ask("POST", f"{path}/rotate", {}, headers={**plane.admin, "If-Match": '"1"'})
    assert (status, told["previous"]["until"]) == (200, "2026-11-24T12:00:00Z")
    await plane.ask("POST", f"{path}/revoke")
    status, told = await plane.ask("POST", f"{path}/rotate", {})
    assert (status, told["error"]["code"]) == (409, "KEY_NOT_ACTIVE")
    status, told = await plane.ask("POST", "/admin/v1/keys/key_none/rotate", {})
    assert (status, told["error"]["code"]) == (404, "KEY_NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("status=gone", "status"), ("limit=0", "limit"), ("limit=1001", "limit"), ("cursor=x", "cursor")),
        *(("expires_by=tomorrow", "expires_by"), ("test=perhaps", "test")),
    ],
)
async def test_what_no_list_of_keys_can_be_asked(plane: RunningControl, query: str, field: str) -> None:
    status, told = await plane.ask("GET", f"/admin/v1/keys?{query}")
    assert (status, told["error"]["code"], told["error"]["details"]["field"]) == (400, "INVALID_INPUT", field)
