"""What a change of policies leaves behind is named; what keeps its figures is not."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from gateway.core.account import AccountScope, Meter
from gateway.core.policy_change import left_behind
from gateway.core.policy_set import Limit, Organization, Override, PolicySet, TeamPolicy
from gateway.core.window import Calendar, WindowKind
from tests.doubles import NOON

MONTH = Limit("month", AccountScope.TEAM, Meter.USD, WindowKind.MONTH, 5_000_000)
YEAR = Limit("year", AccountScope.ORGANIZATION, Meter.USD, WindowKind.YEAR, 9_000_000)


def policies(*limits: Limit, ours: tuple[Limit, ...] = (YEAR,), teams: tuple[str, ...] = ("demo",)) -> PolicySet:
    organization = Organization("acme", Calendar(ZoneInfo("UTC"), 1), limits=ours)
    return PolicySet(organization, {team: TeamPolicy(team, limits=limits) for team in teams})


LIVE = policies(MONTH)


@pytest.mark.parametrize(
    "kept",
    [
        MONTH,
        replace(MONTH, ceiling=1),
        replace(MONTH, enforced=False),
        replace(MONTH, models=("kling/*",)),
        replace(MONTH, overrides=(Override(1, NOON, NOON, "launch", "cfo@example.com"),)),
    ],
)
def test_another_ceiling_mode_or_filter_keeps_what_was_counted(kept: Limit) -> None:
    assert left_behind(LIVE, policies(kept)) == ()


@pytest.mark.parametrize(
    "changed",
    [
        replace(MONTH, name="monthly"),
        replace(MONTH, window=WindowKind.WEEK),
        replace(MONTH, meter=Meter.JOBS),
        replace(MONTH, scope=AccountScope.KEY),
    ],
)
def test_another_name_window_meter_or_scope_starts_anew(changed: Limit) -> None:
    assert left_behind(LIVE, policies(changed)) == ("demo/month",)


def test_a_limit_that_is_gone_is_left_behind() -> None:
    assert left_behind(LIVE, policies(ours=())) == ("organization/year", "demo/month")


def test_a_new_limit_leaves_nothing_behind() -> None:
    assert left_behind(LIVE, policies(MONTH, replace(MONTH, name="more"))) == ()


def test_a_team_that_goes_takes_its_limits_along() -> None:
    assert left_behind(LIVE, policies(teams=())) == ()


def test_the_same_limit_of_another_team_is_another_limit() -> None:
    live = policies(MONTH, teams=("demo", "video"))
    assert left_behind(live, policies(replace(MONTH, meter=Meter.JOBS), teams=("demo", "video"))) == (
        "demo/month",
        "video/month",
    )
