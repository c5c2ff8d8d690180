"""`tollhouse policy`: check offline, apply and show against a control plane that runs, with real policy files."""

import json
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree

import pytest

import gateway
from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from tests.cli.run import Tollhouse
from tests.control import RunningControl, running_control

SHIPPED = Path(gateway.__file__).parents[1] / "policies"

ORGANIZATION = """\
schema = 1
organization = "acme"
zone = "Europe/Berlin"
"""
TEAM = """\
schema = 1
team = "{0}"

[[limit]]
name = "monthly-spend"
meter = "usd"
window = "month"
ceiling = "100.00"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Teams `video` and `audio`, and the prices that ship with the program."""
    root = tmp_path / "policies"
    (root / "teams").mkdir(parents=True)
    (root / "organization.toml").write_text(ORGANIZATION)
    for team in ("video", "audio"):
        (root / "teams" / f"{team}.toml").write_text(TEAM.format(team))
    copytree(SHIPPED / "prices", root / "prices")
    return root


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store, compile_files=load) as plane:
        yield plane


@pytest.fixture
def tollhouse(plane: RunningControl) -> Tollhouse:
    return Tollhouse(plane)


async def test_check_needs_no_gateway(directory: Path) -> None:
    checked = await Tollhouse().document("policy", "check", str(directory))
    assert checked["complaints"] == []
    result = await Tollhouse()("policy", "check", str(directory))
    assert result.exit_code == 0
    assert checked["version"] in result.stdout


async def test_check_names_every_mistake_with_file_and_key(directory: Path) -> None:
    (directory / "teams" / "video.toml").write_text(TEAM.format("video").replace('"100.00"', "100"))
    (directory / "teams" / "audio.toml").write_bytes(b"\xff")
    result = await Tollhouse()("policy", "check", str(directory), "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["version"] is None
    assert {(one["file"], one["key"]) for one in told["complaints"]} == {
        ("teams/audio.toml", ""),
        ("teams/video.toml", "limit[0].ceiling"),
    }
    assert len(result.stderr.splitlines()) == len(told["complaints"])
    assert "teams/video.toml:8: limit[0].ceiling: " in result.stderr
    assert [one["line"] for one in told["complaints"]] == [None, 8]


async def test_check_asks_whether_alerts_may_go_where_they_shall(directory: Path) -> None:
    alerts = '\n[alerts]\nwebhook = "http://10.1.2.3/alerts"\n'
    (directory / "teams" / "video.toml").write_text(TEAM.format("video") + alerts)
    result = await Tollhouse()("policy", "check", str(directory))
    assert (result.exit_code, result.stderr) == (1, "teams/video.toml:11: alerts.webhook: must use https\n")
    allowed = {"TOLLHOUSE_WEBHOOK_ALLOW_HOSTS": "10.0.0.0/8"}
    assert (await Tollhouse()("policy", "check", str(directory), env=allowed)).exit_code == 0


async def test_check_takes_the_directory_of_the_settings(directory: Path) -> None:
    result = await Tollhouse()("policy", "check", "--json", env={"TOLLHOUSE_POLICIES": str(directory)})
    assert json.loads(result.stdout) == await Tollhouse().document("policy", "check", str(directory))


async def test_a_directory_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    assert (await Tollhouse()("policy", "check", str(tmp_path / "nowhere"))).exit_code == 2


async def test_applied_files_are_live(tollhouse: Tollhouse, directory: Path) -> None:
    version = (await tollhouse.document("policy", "check", str(directory)))["version"]
    assert await tollhouse.document("policy", "apply", str(directory)) == {"version": version, "changed": True}
    assert await tollhouse.document("policy", "apply", str(directory)) == {"version": version, "changed": False}

    live = await tollhouse.document("policy", "show")
    assert (live["version"], live["used"], live["teams"]) == (version, version, ["audio", "video"])
    assert live["files"]["organization.toml"] == ORGANIZATION

    result = await tollhouse("policy", "show")
    assert (result.exit_code, result.stderr) == (0, "")
    assert version in result.stdout
    assert "audio, video" in result.stdout


async def test_mistakes_are_told_and_nothing_changes(tollhouse: Tollhouse, directory: Path) -> None:
    before = await tollhouse.document("policy", "apply", str(directory))
    (directory / "teams" / "video.toml").write_text("team = ")
    result = await tollhouse("policy", "apply", str(directory))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("teams/video.toml: ")

    (directory / "teams" / "video.toml").write_bytes(b"\xff")
    result = await tollhouse("policy", "apply", str(directory))
    assert result.exit_code == 1
    assert result.stderr.startswith("teams/video.toml: ")
    assert (await tollhouse.document("policy", "show"))["version"] == before["version"]


async def test_an_unreadable_file_hides_no_mistake_in_another(tollhouse: Tollhouse, directory: Path) -> None:
    (directory / "teams" / "audio.toml").write_bytes(b"\xff")
    (directory / "teams" / "video.toml").write_text(TEAM.format("video").replace('"100.00"', "100"))
    result = await tollhouse("policy", "apply", str(directory))
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        "teams/audio.toml",
        "teams/video.toml:8",
    ]
    assert (await tollhouse("policy", "show")).exit_code == 3


async def test_a_team_goes_only_by_name(tollhouse: Tollhouse, directory: Path) -> None:
    await tollhouse.document("policy", "apply", str(directory))
    (directory / "teams" / "audio.toml").unlink()
    result = await tollhouse("policy", "apply", str(directory))
    assert result.exit_code == 1
    assert "audio" in result.stderr
    assert "--remove-team" in result.stderr

    applied = await tollhouse.document("policy", "apply", str(directory), "--remove-team", "audio")
    assert applied["changed"]
    assert (await tollhouse.document("policy", "show"))["teams"] == ["video"]


async def test_files_of_another_organization_are_refused(tollhouse: Tollhouse, directory: Path) -> None:
    (directory / "organization.toml").write_text(ORGANIZATION.replace("acme", "umbrella"))
    result = await tollhouse("policy", "apply", str(directory))
    assert result.exit_code == 1
    assert "umbrella" in result.stderr


async def test_before_the_first_policies_there_is_nothing_to_show(tollhouse: Tollhouse) -> None:
    assert (await tollhouse("policy", "show")).exit_code == 3


async def test_a_live_version_that_cannot_be_used_says_why(
    tollhouse: Tollhouse, plane: RunningControl, store: Store, directory: Path
) -> None:
    applied = await tollhouse.document("policy", "apply", str(directory))
    async with running_control(store) as lenient:
        await lenient.control.desk.publish({"organization.toml": "acme", "teams/video.toml": "good"}, ("audio",))
    result = await tollhouse("policy", "show")
    assert result.exit_code == 0
    assert f"stays with {applied['version']}" in result.stderr
    assert "organization.toml: " in result.stderr


async def test_a_plan_is_shown_and_the_command_it_ends_with_applies_it(tollhouse: Tollhouse, directory: Path) -> None:
    await tollhouse.document("policy", "apply", str(directory))
    (directory / "teams" / "audio.toml").unlink()
    (directory / "teams" / "video.toml").write_text(TEAM.format("video").replace("monthly-spend", "monthly"))
    result = await tollhouse("policy", "plan", str(directory))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "- limit video: monthly-spend" in result.stdout
    assert "video/monthly-spend" in result.stdout

    command = shlex.split(result.stdout.splitlines()[-1])
    assert command[:3] == ["tollhouse", "policy", "apply"]
    assert command[-4:] == ["--reset", "video/monthly-spend", "--remove-team", "audio"]
    assert (await tollhouse(*command[1:])).exit_code == 0
    result = await tollhouse("policy", "plan", str(directory))
    assert result.stdout.endswith("Nothing would change.\n")
    assert (await tollhouse(*command[1:])).exit_code == 1


async def test_history_and_rollback(tollhouse: Tollhouse, directory: Path) -> None:
    first = (await tollhouse.document("policy", "apply", str(directory)))["version"]
    (directory / "teams" / "video.toml").write_text(TEAM.format("video").replace("100.00", "200.00"))
    words = ("--author", "ada", "--message", "more for video", "--expect", first)
    second = (await tollhouse.document("policy", "apply", str(directory), *words))["version"]
    planned = await tollhouse.document("policy", "plan", "--version", first)
    assert [(one["name"], one["after"]) for one in planned["changes"]] == [("monthly-spend", {"ceiling": "100.000000"})]
    assert (await tollhouse.document("policy", "apply", "--version", first))["changed"]

    listed = (await tollhouse.document("policy", "list"))["versions"]
    assert [(one["version"], one["live"]) for one in listed] == [(first, True), (second, False), (first, False)]
    result = await tollhouse("policy", "list")
    assert "ada" in result.stdout
    assert "more for video" in result.stdout
    stored = await tollhouse.document("policy", "show", "--version", second)
    assert '"200.00"' in stored["files"]["teams/video.toml"]
    assert "# teams/video.toml" in (await tollhouse("policy", "show", "--version", second)).stdout


async def test_what_a_team_is_held_to_is_shown_with_where_it_stands(tollhouse: Tollhouse, directory: Path) -> None:
    await tollhouse.document("policy", "apply", str(directory))
    result = await tollhouse("policy", "show", "--effective", "video")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "teams/video.toml: limit[0]" in result.stdout
    assert "organization.toml: defaults.models" in result.stdout
    assert (await tollhouse("policy", "show", "--effective", "nobody")).exit_code == 3


@pytest.mark.parametrize(
    "words",
    [
        ("show", "--version", "a", "--effective", "video"),
        ("show", "--version", "../keys"),
        ("apply", ".", "--version", "a"),
    ],
)
async def test_what_does_not_go_together_is_a_usage_error(tollhouse: Tollhouse, words: tuple[str, ...]) -> None:
    assert (await tollhouse("policy", *words)).exit_code == 2
