"""`tollhouse team`, against a control plane that runs."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from tests.cli.run import Tollhouse
from tests.control import running_control
from tests.doubles import policy_files
from tests.walkthrough.policies import budget, team, whole


@pytest.fixture
async def tollhouse(store: Store) -> AsyncIterator[Tollhouse]:
    async with running_control(store) as plane:
        await plane.control.desk.publish(policy_files("video"), ())
        yield Tollhouse(plane)


async def test_a_secret_is_shown_and_exchanged(tollhouse: Tollhouse) -> None:
    shown = await tollhouse.document("team", "secret", "show", "video")
    assert (await tollhouse("team", "secret", "show", "video")).stdout == f"{shown['secret']}\n"
    rotated = await tollhouse.document("team", "secret", "rotate", "video")
    assert rotated["secret"] != shown["secret"]
    assert (await tollhouse("team", "secret", "show", "video")).stdout == f"{rotated['secret']}\n"


async def test_a_team_that_is_none_is_told(tollhouse: Tollhouse) -> None:
    for verb in ("show", "rotate"):
        assert (await tollhouse("team", "secret", verb, "nobody")).exit_code == 3
        assert (await tollhouse("team", "secret", verb, "../keys")).exit_code == 2


async def test_teams_are_listed_by_the_page_and_shown(store: Store) -> None:
    async with running_control(store, compile_files=load) as plane:
        video = team(budget("5.00"), budget("2.00", "each", per="key"), owner="v@example.com")
        await plane.control.desk.publish(whole(video, team(slug="audio")), ())
        tollhouse = Tollhouse(plane)

        listed = await tollhouse.document("team", "list")
        assert ([one["team"] for one in listed["teams"]], listed["next_cursor"]) == (["audio", "video"], None)
        page = await tollhouse("team", "list", "--limit", "1")
        assert page.stdout.splitlines()[1].split() == ["audio", *["-"] * 9]
        assert page.stderr == "There are more: --cursor audio\n"
        rest = (await tollhouse("team", "list", "--limit", "1", "--cursor", "audio")).stdout.splitlines()
        money = ["5.000000", "0.000000", "0.000000", "5.000000"]
        assert [line.split() for line in rest[1:]] == [
            ["video", "v@example.com", "-", "budget", "usd", "month", *money],
        ]

        shown = await tollhouse.document("team", "show", "video")
        assert [one["name"] for one in shown["limits"]] == ["ample", "budget", "each"]
        text = (await tollhouse("team", "show", "video")).stdout
        assert ["owner", "v@example.com"] in [line.split() for line in text.splitlines()]
        assert [line.split()[0] for line in text.splitlines()[-3:]] == ["organization", "team", "key"]
        assert (await tollhouse("team", "show", "nobody")).exit_code == 3
        assert (await tollhouse("team", "show", "../keys")).exit_code == 2
