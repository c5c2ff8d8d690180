"""Every operation for every role: who has the power gets through, who has not is told so, and nothing is done."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.admission import Created
from gateway.core.ledger import Verb
from gateway.core.role import POWERS, Role
from gateway.web.admin import OPERATIONS
from gateway.web.operation import Operation
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.control import RunningControl, running_control
from tests.doubles import NOON, policy_files


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store) as plane:
        await plane.control.desk.publish(policy_files("video", "audio"), ())
        yield plane


async def key_of(plane: RunningControl, role: Role) -> dict[str, str]:
    team = {"team": "video"} if role is Role.TEAM_LEAD else {}
    status, issued = await plane.ask("POST", "/admin/v1/admin-keys", {"name": "ada", "role": role, **team})
    assert status == 201
    return {"Authorization": f"Bearer {issued['key']}"}


@pytest.mark.parametrize("role", Role)
async def test_every_role_does_what_it_may_and_nothing_else(plane: RunningControl, role: Role) -> None:
    theirs = await key_of(plane, role)
    for operation in OPERATIONS:
        before = (await plane.ask("GET", "/admin/v1/audit"))[1]
        # A body that is none: whoever may not ask is told so before it is read.
        path = re.sub(r"{\w+}", "none", operation.path)
        body = [] if operation.body is not None else None
        status, told = await plane.ask(operation.method, path, body, headers=theirs)
        code = told.get("error", {}).get("code")
        if operation.needs in POWERS[role]:
            assert (status, code) != (403, "OPERATION_NOT_ALLOWED"), operation.path
        else:
            assert (status, code) == (403, "OPERATION_NOT_ALLOWED"), operation.path
            assert told["error"]["details"]["needs"] == operation.needs
            assert (await plane.ask("GET", "/admin/v1/audit"))[1] == before


async def test_what_belongs_to_another_team_is_not_there_for_a_lead(plane: RunningControl) -> None:
    lead = await key_of(plane, Role.TEAM_LEAD)
    theirs, others = await plane.issue(), await plane.issue(team="audio")

    listed = (await plane.ask("GET", "/admin/v1/keys", headers=lead))[1]["keys"]
    assert [key["id"] for key in listed] == [theirs["id"]]
    assert (await plane.ask("GET", "/admin/v1/keys?team=audio", headers=lead))[1]["keys"] == listed
    for method, path in (("GET", ""), ("POST", "/revoke")):
        status, told = await plane.ask(method, f"/admin/v1/keys/{others['id']}{path}", headers=lead)
        assert status == 404
        assert told["error"]["code"] == "KEY_NOT_FOUND"
        assert (await plane.ask(method, f"/admin/v1/keys/{theirs['id']}{path}", headers=lead))[0] == 200
    status, told = await plane.ask("POST", f"/admin/v1/keys/{others['id']}/rotate", {}, headers=lead)
    assert (status, told["error"]["code"]) == (404, "KEY_NOT_FOUND")
    shown = (await plane.ask("GET", f"/admin/v1/keys/{others['id']}"))[1]
    assert (shown["status"], shown["revision"]) == ("active", 1)

    for body, code in (({"team": "audio", "name": "x"}, 404), ({"team": "video", "name": "x"}, 201)):
        assert (await plane.ask("POST", "/admin/v1/keys", body, headers=lead))[0] == code
    for team, code in (("audio", 404), ("video", 200)):
        assert (await plane.ask("GET", f"/admin/v1/teams/{team}/secret", headers=lead))[0] == code
        assert (await plane.ask("POST", f"/admin/v1/teams/{team}/secret/rotate", headers=lead))[0] == code


async def test_a_lead_reads_of_no_other_team(plane: RunningControl, store: Store) -> None:
    lead, ledger = await key_of(plane, Role.TEAM_LEAD), RedisLedger(store, "e1", timedelta(days=36_500))
    policy = (await store.command("GET", keys.POLICY)).decode()
    await store.command("HSET", keys.key("k1"), "revision", 1)
    for team in ("video", "audio"):
        asked = admission(f"hold_{team}", demand(TEAM, 100, 1000), team=team, policy=policy)
        assert isinstance(await ledger.admit(asked, NOON), Created)
        await ledger.move(Verb.CAPTURE, asked.hold, NOON, job=f"job_{team}", cost=80)

    for path in (
        "/admin/v1/jobs/job_{}",
        "/admin/v1/jobs/hold_{}",
        "/admin/v1/holds/hold_{}",
        "/admin/v1/jobs?team={}",
    ):
        assert (await plane.ask("GET", path.format("video"), headers=lead))[0] == 200, path
        assert (await plane.ask("GET", path.format("audio"), headers=lead))[0] == 404, path
        assert (await plane.ask("GET", path.format("audio")))[0] == 200, path


def test_whatever_changes_something_is_recorded() -> None:
    def changes(operation: Operation) -> bool:
        return operation.method != "GET" and operation.path not in (
            "/admin/v1/policies/check",
            "/admin/v1/policies/plan",
        )

    assert [one.path for one in OPERATIONS if changes(one) and one.action is None] == []
    named: dict[str, Any] = {one.name: one for one in OPERATIONS}
    assert len(named) == len(OPERATIONS)


async def test_what_cannot_be_recorded_is_not_done(plane: RunningControl, store: Store) -> None:
    issued = await plane.issue()
    await store.command("HSET", "{toll}:store", "epoch", "another")
    for method, path, body in (
        ("POST", "/admin/v1/keys", {"team": "video", "name": "x"}),
        ("POST", f"/admin/v1/keys/{issued['id']}/revoke", None),
        ("POST", "/admin/v1/policies/apply", {"files": policy_files("video")}),
    ):
        status, told = await plane.ask(method, path, body)
        assert (status, told["error"]["code"]) == (503, "STORE_UNAVAILABLE")
    assert [key["status"] for key in (await plane.ask("GET", "/admin/v1/keys"))[1]["keys"]] == ["active"]
    assert sorted((await plane.ask("GET", "/admin/v1/policies/live"))[1]["teams"]) == ["audio", "video"]
