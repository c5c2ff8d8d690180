"""The audit trail over the wire: who, when, from where, what before and after, and why; never a secret."""

import json

import pytest

from tests.control import RunningControl


async def test_a_change_is_explained(plane: RunningControl) -> None:
    issued = await plane.issue()
    reason = {"Tollhouse-Reason": "left the company"}
    await plane.ask("POST", f"/admin/v1/keys/{issued['id']}/revoke", headers={**plane.admin, **reason})
    status, page = await plane.ask("GET", "/admin/v1/audit?action=key.revoke")
    assert (status, page["next_before"]) == (200, None)
    [record] = page["records"]
    assert record.pop("id").startswith("aud_")
    assert record == {
        "at": "2026-11-23T12:00:00Z",
        "action": "key.revoke",
        "by": "bootstrap",
        "admin": "bootstrap",
        "role": "owner",
        "source": "127.0.0.1",
        "request_id": "made",
        "reason": "left the company",
        "outcome": "done",
        "subject": issued["id"],
        "team": "video",
        "asked": {"id": issued["id"]},
        "before": {"status": "active"},
        "after": {"status": "revoked"},
    }


async def test_what_was_refused_is_on_record_too(plane: RunningControl) -> None:
    await plane.ask("POST", "/admin/v1/keys", {"team": "nobody", "name": "x"})
    [record] = (await plane.ask("GET", "/admin/v1/audit"))[1]["records"]
    assert (record["action"], record["outcome"], record["asked"]["team"]) == ("key.issue", "TEAM_UNKNOWN", "nobody")


async def test_no_secret_is_on_record(plane: RunningControl) -> None:
    secrets = [
        (await plane.issue())["key"],
        (await plane.ask("POST", "/admin/v1/admin-keys", {"name": "ada", "role": "viewer"}))[1]["key"],
        (await plane.ask("GET", "/admin/v1/teams/video/secret"))[1]["secret"],
    ]
    page = (await plane.ask("GET", "/admin/v1/audit"))[1]
    assert len(page["records"]) == 3
    assert not [secret for secret in secrets if secret in json.dumps(page)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before=today", "who=ada", "by=a&by=b"])
async def test_what_cannot_be_asked_is_told(plane: RunningControl, query: str) -> None:
    status, told = await plane.ask("GET", f"/admin/v1/audit?{query}")
    assert (status, told["error"]["code"]) == (400, "INVALID_INPUT")
    assert told["error"]["details"]["field"] == query.partition("=")[0]


async def test_a_reason_that_is_none_is_told(plane: RunningControl) -> None:
    headers = {**plane.admin, "Tollhouse-Reason": " "}
    status, told = await plane.ask("POST", "/admin/v1/keys/key_1/revoke", headers=headers)
    assert (status, told["error"]["details"]["field"]) == (400, "Tollhouse-Reason")
