"""`tollhouse team secret`, against a control plane that runs."""

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
