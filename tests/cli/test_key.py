"""`tollhouse key`, against a control plane that runs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.system import SystemClock
from gateway.cli.key import expires_at
from gateway.core.key_secret import Kind, kind_of
from tests.cli.run import Tollhouse
from tests.control import RunningControl, running_control
from tests.doubles import NOON, policy_files

ISSUE = ("key", "issue", "--team", "video", "--name", "render farm")


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store, clock=SystemClock()) as plane:
        await plane.control.desk.publish(policy_files("video", "audio"), ())
        yield plane


@pytest.fixture
def tollhouse(plane: RunningControl) -> Tollhouse:
    return Tollhouse(plane)


async def test_issue_prints_the_key_once(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document(*ISSUE)
    assert kind_of(issued["key"]) is Kind.LIVE
    assert (issued["team"], issued["name"]) == ("video", "render farm")
    assert issued["scopes"] == ["check_status", "list_models", "submit_job"]
    assert issued["expires_at"] is None

    shown = await tollhouse.document("key", "show", issued["id"])
    assert {**issued, "used_in": None} == {**shown, "key": issued["key"]}


async def test_issue_takes_every_restriction(tollhouse: Tollhouse) -> None:
    before = datetime.now(UTC)
    issued = await tollhouse.document(
        *ISSUE,
        *("--scope", "submit_job", "--scope", "check_status"),
        *("--model", "kling/*", "--model", "google/*"),
        *("--ip", "192.0.2.0/24", "--ip", "2001:db8::1"),
        *("--expires", "90d", "--test", "--project", "P-1", "--tag", "a=b", "--tag", "c=d=e"),
    )
    assert kind_of(issued["key"]) is Kind.TEST
    assert issued["scopes"] == ["check_status", "submit_job"]
    assert issued["models"] == ["kling/*", "google/*"]
    assert issued["networks"] == ["192.0.2.0/24", "2001:db8::1/128"]
    assert (issued["test"], issued["project"], issued["tags"]) == (True, "P-1", {"a": "b", "c": "d=e"})
    lives = datetime.fromisoformat(issued["expires_at"]) - before
    assert timedelta(days=90) - timedelta(minutes=1) < lives < timedelta(days=90, minutes=1)


async def test_for_a_person_issue_prints_the_key_first(tollhouse: Tollhouse) -> None:
    result = await tollhouse(*ISSUE)
    secret, sentence = result.stdout.splitlines()
    assert kind_of(secret) is Kind.LIVE
    assert sentence.startswith("key_")


async def test_a_team_that_does_not_exist_is_not_found(tollhouse: Tollhouse) -> None:
    result = await tollhouse("key", "issue", "--team", "ghosts", "--name", "x", "--json")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "teams/ghosts.toml" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scope", "administer"], "--scope"),
        (["--expires", "soon"], "--expires"),
        (["--expires", "0d"], "--expires"),
        (["--expires", "2020-01-01"], "expires_at"),
        (["--ip", "192.0.2.7/24"], "networks[0]"),
        (["--tag", "a"], "--tag"),
        (["--tag", "a=b", "--tag", "a=c"], "--tag"),
        (["--name", ""], "name"),
    ],
)
async def test_what_makes_no_sense_is_a_usage_error(tollhouse: Tollhouse, words: list[str], said: str) -> None:
    result = await tollhouse(*ISSUE, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert await tollhouse.document("key", "list") == {"keys": [], "next_cursor": None}


async def test_keys_are_listed_by_team(tollhouse: Tollhouse) -> None:
    video = await tollhouse.document(*ISSUE)
    audio = await tollhouse.document("key", "issue", "--team", "audio", "--name", "mixer")
    both = await tollhouse.document("key", "list")
    assert [key["id"] for key in both["keys"]] == [video["id"], audio["id"]]
    one = await tollhouse.document("key", "list", "--team", "audio")
    assert [key["id"] for key in one["keys"]] == [audio["id"]]

    result = await tollhouse("key", "list")
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["id", "team", "name", "status", "last_four", "used_in", "expires_at"]
    assert [line.split()[0] for line in lines] == [video["id"], audio["id"]]
    assert video["key"] not in result.stdout


async def test_show_prints_every_fact_and_no_secret(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document(*ISSUE, "--tag", "a=b")
    result = await tollhouse("key", "show", issued["id"])
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert facts["id"] == issued["id"]
    assert facts["scopes"] == "check_status, list_models, submit_job"
    assert (facts["tags"], facts["models"], facts["test"], facts["expires_at"]) == ("a=b", "-", "no", "-")
    assert issued["key"] not in result.stdout


async def test_a_revoked_key_says_so(tollhouse: Tollhouse, plane: RunningControl) -> None:
    issued = await tollhouse.document(*ISSUE)
    for _ in range(2):
        revoked = await tollhouse.document("key", "revoke", issued["id"])
        assert (revoked["id"], revoked["status"], revoked["revision"]) == (issued["id"], "revoked", 2)
    assert (await tollhouse.document("key", "show", issued["id"]))["status"] == "revoked"


async def test_rotate_prints_the_new_key_first_and_how_long_the_old_one_lives(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document(*ISSUE)
    rotated = await tollhouse.document(
        "key", "rotate", issued["id"], "--grace", "7d", "--reason", "left a laptop on a train"
    )
    until = datetime.fromisoformat(rotated["previous"]["until"]) - datetime.now(UTC)
    assert timedelta(days=7) - timedelta(minutes=1) < until <= timedelta(days=7)

    result = await tollhouse("key", "rotate", issued["id"], "--grace", "0")
    secret, sentence, old = result.stdout.splitlines()
    assert kind_of(secret) is Kind.LIVE
    assert sentence.startswith(issued["id"])
    assert rotated["last_four"] in old
    shown = await tollhouse("key", "show", issued["id"])
    assert f"last_four={rotated['last_four']}" in shown.stdout


@pytest.mark.parametrize("grace", ["soon", "-1h", "1.5d", "91d"])
async def test_a_grace_that_makes_no_sense_is_a_usage_error(tollhouse: Tollhouse, grace: str) -> None:
    issued = await tollhouse.document(*ISSUE)
    result = await tollhouse("key", "rotate", issued["id"], "--grace", grace)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "grace" in result.stderr
    assert (await tollhouse.document("key", "show", issued["id"]))["revision"] == 1


async def test_a_reason_stands_in_the_audit_trail(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document(*ISSUE, "--reason", "for the farm")
    await tollhouse.document("key", "rotate", issued["id"], "--reason", "yearly")
    await tollhouse.document("key", "revoke", issued["id"], "--reason", "farm sold")
    records = (await tollhouse.document("audit", "list"))["records"]
    assert [(one["action"], one["reason"]) for one in records] == [
        ("key.revoke", "farm sold"),
        ("key.rotate", "yearly"),
        ("key.issue", "for the farm"),
    ]


@pytest.mark.parametrize("verb", ["show", "rotate", "revoke"])
async def test_a_key_that_does_not_exist_is_not_found(tollhouse: Tollhouse, verb: str) -> None:
    result = await tollhouse("key", verb, "key_none")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "key_none" in result.stderr


@pytest.mark.parametrize("key_id", ["key_1/revoke", "../policies/live", "key_", "toll_live_x", ""])
async def test_what_is_no_id_is_a_usage_error_and_never_a_path(tollhouse: Tollhouse, key_id: str) -> None:
    assert (await tollhouse("key", "show", "--", key_id)).exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", NOON + timedelta(days=90)),
        ("12h", NOON + timedelta(hours=12)),
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31T18:00:00", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31T18:00:00Z", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31T18:00:00+01:00", datetime(2026, 12, 31, 18, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_an_expiry_is_a_span_or_an_instant(text: str, expected: datetime) -> None:
    assert expires_at(text, NOON) == expected


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5d", "1w", "90 d", "2026-13-01", "tomorrow", "9000000d"])
def test_anything_else_is_not(text: str) -> None:
    with pytest.raises(click.BadParameter):
        expires_at(text, NOON)


async def test_keys_are_listed_by_what_they_are_and_page_by_page(plane: RunningControl, tollhouse: Tollhouse) -> None:
    plain = await tollhouse.document(*ISSUE, "--project", "P-1")
    soon = await tollhouse.document(*ISSUE, "--expires", "10d")
    later = await tollhouse.document(*ISSUE, "--expires", "20d", "--test")
    await tollhouse.document("key", "revoke", plain["id"])

    async def ids(*words: str) -> list[str]:
        return [key["id"] for key in (await tollhouse.document("key", "list", *words))["keys"]]

    assert await ids("--expiring", "14d") == [soon["id"]]
    assert await ids("--status", "revoked") == await ids("--project", "P-1") == [plain["id"]]
    assert await ids("--test") == [later["id"]]
    first = await tollhouse.document("key", "list", "--limit", "2")
    assert [key["id"] for key in first["keys"]] == [plain["id"], soon["id"]]
    assert await ids("--limit", "2", "--cursor", first["next_cursor"]) == [later["id"]]
    told = await tollhouse("key", "list", "--limit", "2")
    assert told.stderr == f"There are more: --cursor {first['next_cursor']}\n"

    for words, said in ((["--expiring", "soon"], "--expiring"), (["--cursor", "x"], "cursor")):
        refused = await tollhouse("key", "list", *words)
        assert refused.exit_code == 2
        assert said in refused.stderr


async def test_what_a_key_is_used_for_is_a_table_and_a_document(tollhouse: Tollhouse) -> None:
    issued = await tollhouse.document(*ISSUE)
    document = await tollhouse.document("key", "usage", issued["id"], "--since", "7d")
    assert document["total"] == {
        "jobs": 0, "held_usd": "0.000000", "charged_usd": "0.000000", "refunded_usd": "0.000000"
    }  # fmt: skip
    assert (document["days"], document["refused"]) == ([], [])
    told = await tollhouse("key", "usage", issued["id"])
    assert told.stdout.startswith(f"{issued['id']} (render farm) of team video, last used in the hour -\n")
    assert "day  jobs  charged_usd" in told.stdout
    assert (await tollhouse("key", "usage", "key_none")).exit_code == 3
    assert (await tollhouse("key", "usage", issued["id"], "--since", "x")).exit_code == 2
