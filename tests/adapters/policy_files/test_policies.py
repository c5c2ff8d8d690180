"""Documents of the organization and of teams, turned into policies: units, scopes and zones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.policy_files.policies import parse_organization, parse_team
from gateway.adapters.policy_files.toml import Toml
from gateway.core.account import AccountScope, Meter
from gateway.core.complaint import Complaint
from gateway.core.money import MAX_AMOUNT, format_usd
from gateway.core.policy_set import Organization, TeamPolicy

BUDGET = {"name": "budget", "meter": "usd", "window": "month", "ceiling": "10.00"}
CLIPS = {"name": "clips", "meter": "jobs", "window": "day", "ceiling": 5, "per": "key"}
Parse: TypeAlias = Callable[[str, Toml], Organization | TeamPolicy | tuple[Complaint, ...]]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def override(limit: str, ceiling: object, starts_at: datetime = NOON) -> dict[str, object]:
    ends_at = starts_at + timedelta(days=1)
    return {"limit": limit, "ceiling": ceiling, "from": starts_at, "until": ends_at, "reason": "r", "approved_by": "a"}


def team(**more: object) -> TeamPolicy:
    parsed = parse_team("teams/video.toml", {"schema": 1, "team": "video", "limit": [BUDGET, CLIPS], **more})
    assert isinstance(parsed, TeamPolicy), parsed
    return parsed


def organization(**more: object) -> Organization:
    parsed = parse_organization("organization.toml", {"schema": 1, "organization": "acme", "zone": "UTC", **more})
    assert isinstance(parsed, Organization), parsed
    return parsed


@given(st.integers(0, MAX_AMOUNT))
def test_money_becomes_micro_usd_and_a_count_stays_what_it_is(amount: int) -> None:
    limits = [{**BUDGET, "ceiling": format_usd(amount)}, {**CLIPS, "ceiling": amount}]

    assert [(limit.meter, limit.ceiling) for limit in team(limit=limits).limits] == [
        (Meter.USD, amount),
        (Meter.JOBS, amount),
    ]


def test_the_scope_is_the_teams_unless_the_file_says_per_key_and_the_organizations_in_its_own_file() -> None:
    assert [limit.scope for limit in team().limits] == [AccountScope.TEAM, AccountScope.KEY]
    assert [limit.scope for limit in organization(limit=[BUDGET]).limits] == [AccountScope.ORGANIZATION]


def test_each_override_goes_to_the_limit_that_it_names() -> None:
    overrides = [override("clips", 50), override("budget", "20.00"), override("clips", 60, NOON + timedelta(days=1))]
    budget, clips = team(override=overrides).limits

    assert [one.ceiling for one in budget.overrides] == [20_000_000]
    assert [one.ceiling for one in clips.overrides] == [50, 60]


@pytest.mark.parametrize("offset", [-8, 0, 9])
def test_an_override_is_kept_in_utc_whatever_zone_it_was_written_in(offset: int) -> None:
    written = NOON.astimezone(timezone(timedelta(hours=offset)))
    (only,) = team(override=[override("budget", "20.00", written)]).limits[0].overrides

    assert (only.starts_at, only.starts_at.tzinfo) == (NOON, UTC)
    assert (only.ends_at, only.ends_at.tzinfo) == (NOON + timedelta(days=1), UTC)


def test_a_burst_is_as_many_as_the_requests_unless_the_file_says_another() -> None:
    rate = {"name": "submits", "requests": 60, "window": "minute"}

    assert [one.burst for one in team(rate=[rate, {**rate, "name": "few", "burst": 2}]).rates] == [60, 2]


def test_percentages_are_in_order_of_number_not_of_letter() -> None:
    assert team(limit=[{**BUDGET, "alert_at": ["100%", "80%", "9%"]}]).limits[0].alert_at == (9, 80, 100)


@pytest.mark.parametrize(
    ("parse", "document"),
    [
        (parse_team, {"schema": 1, "team": "video"}),
        (parse_organization, {"schema": 1, "organization": "acme", "zone": "UTC"}),
    ],
    ids=["team", "organization"],
)
def test_one_reading_names_what_is_wrong_in_itself_and_with_others(parse: Parse, document: Toml) -> None:
    found = parse("teams/video.toml", {**document, "limit": [BUDGET, {**BUDGET, "mode": "off"}]})

    assert isinstance(found, tuple)
    assert {one.file for one in found} == {"teams/video.toml"}
    assert {one.key for one in found} == {"limit[1].name", "limit[1].mode"}
