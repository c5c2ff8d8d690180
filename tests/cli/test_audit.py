"""`tollhouse audit`, against a control plane that runs."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.redis.connection import Store
from tests.cli.run import Tollhouse
from tests.control import running_control
from tests.doubles import policy_files


@pytest.fixture
async def tollhouse(store: Store) -> AsyncIterator[Tollhouse]:
    async with running_control(store) as plane:
        await plane.control.desk.publish(policy_files("video"), ())
        yield Tollhouse(plane)


async def test_changes_are_listed_with_their_reasons(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document("admin", "issue", "--name", "ada", "--role", "viewer")
    await tollhouse("admin", "revoke", issued["id"], "--reason", "left")
    lines = (await tollhouse("audit", "list")).stdout.splitlines()
    assert [line.split()[3] for line in lines] == ["action", "admin_key.revoke", "admin_key.issue"]
    assert "left" in lines[1]
    assert "revoked_at: 2026-" in lines[1]
    assert issued["key"] not in "".join(lines)

    found = await tollhouse.document("audit", "list", "--action", "admin_key.issue", "--by", "bootstrap")
    assert [one["subject"] for one in found["records"]] == [issued["id"]]
    assert (await tollhouse.document("audit", "list", "--by", "nobody"))["records"] == []


async def test_where_there_may_be_more_it_says_how(tollhouse: Tollhouse) -> None:
    for name in ("ada", "eve"):
        await tollhouse("admin", "issue", "--name", name, "--role", "viewer")
    page = await tollhouse("audit", "list", "--limit", "1")
    assert page.stderr.startswith("There may be more: --before 2026-")
    assert (await tollhouse("audit", "list", "--before", "yesterday")).exit_code == 2
