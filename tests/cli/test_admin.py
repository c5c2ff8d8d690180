"""`tollhouse admin`, against a control plane that runs."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.key_secret import Kind, kind_of
from tests.cli.run import Tollhouse
from tests.control import running_control
from tests.doubles import policy_files


@pytest.fixture
async def tollhouse(store: Store) -> AsyncIterator[Tollhouse]:
    async with running_control(store) as plane:
        await plane.control.desk.publish(policy_files("video"), ())
        yield Tollhouse(plane)


async def test_a_key_is_issued_once_and_works_until_it_is_revoked(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document("admin", "issue", "--name", "ada", "--role", "viewer")
    assert kind_of(issued["key"]) is Kind.ADMIN
    hers = {"TOLLHOUSE_ADMIN_KEY": issued["key"]}
    assert (await tollhouse("key", "list", env=hers)).exit_code == 0
    refused = await tollhouse("key", "issue", "--team", "video", "--name", "x", env=hers)
    assert refused.exit_code == 4
    assert "keys:change" in refused.stderr

    revoked = await tollhouse("admin", "revoke", issued["id"], "--reason", "left")
    assert revoked.stdout == f"{issued['id']} of ada opens nothing any more.\n"
    assert (await tollhouse("key", "list", env=hers)).exit_code == 4
    listed = (await tollhouse("admin", "list")).stdout.splitlines()
    assert listed[1].split()[:4] == [issued["id"], "ada", "viewer", "-"]


async def test_for_a_person_the_key_comes_first(tollhouse: Tollhouse) -> None:
    words = ("admin", "issue", "--name", "lea", "--role", "team-lead", "--team", "video")
    first, second = (await tollhouse(*words)).stdout.splitlines()
    assert kind_of(first) is Kind.ADMIN
    assert second.endswith("for lea, team-lead. The key is not shown again.")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("issue", "--name", "ada", "--role", "king"), 2),
        (("issue", "--name", "ada", "--role", "team-lead"), 2),
        (("issue", "--name", "ada", "--role", "viewer", "--expires", "soon"), 2),
        (("issue", "--name", "lea", "--role", "team-lead", "--team", "nobody"), 3),
        (("revoke", "adm_none"), 3),
        (("revoke", "../keys"), 2),
    ],
)
async def test_what_cannot_be_is_told(tollhouse: Tollhouse, words: tuple[str, ...], code: int) -> None:
    assert (await tollhouse("admin", *words)).exit_code == code
