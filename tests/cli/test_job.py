"""`tollhouse job`, against a control plane that runs."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.cli.run import Tollhouse
from tests.control import running_control
from tests.doubles import NOON


@pytest.fixture
async def tollhouse(store: Store) -> AsyncIterator[Tollhouse]:
    """Team `red` ran `job_1` for 80 micro-USD of the 100 that were held."""
    ledger = await open_ledger(store, timedelta(days=36_500))
    asked = admission("h1", demand(TEAM, 100, 1000))
    await ledger.admit(asked, NOON)
    await ledger.move(Verb.CAPTURE, asked.hold, NOON, job="job_1", cost=80)
    async with running_control(store) as plane:
        yield Tollhouse(plane)


async def test_jobs_are_listed_and_explained(tollhouse: Tollhouse) -> None:
    listed = (await tollhouse("job", "list", "--team", "red")).stdout.splitlines()
    assert listed[1].split()[:2] == ["job_1", "h1"]
    shown = (await tollhouse("job", "show", "job_1")).stdout
    assert "cost_usd      0.000080" in shown
    [captured] = [line for line in shown.splitlines() if " captured " in line]
    assert captured.split()[-3:] == [TEAM.name, "+80", "-100"]
    assert (await tollhouse.document("job", "show", "h1"))["job"] == "job_1"


@pytest.mark.parametrize(
    ("words", "code"),
    [(("list",), 2), (("list", "--team", "red", "--cursor", "x"), 2), (("show", "job_none"), 3), (("show", "../x"), 2)],
)
async def test_what_cannot_be_is_told(tollhouse: Tollhouse, words: tuple[str, ...], code: int) -> None:
    assert (await tollhouse("job", *words)).exit_code == code
