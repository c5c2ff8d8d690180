"""The organization's policy as values: which ceiling is in force, and whose limits a team meets."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import AccountScope, Meter
from gateway.core.policy_set import Allow, Limit, Organization, Override, PolicySet, Rate, RateWindow, TeamPolicy
from gateway.core.window import Calendar, WindowKind
from tests.doubles import NOON

ORGANIZATION, TEAM, KEY = AccountScope
CALENDAR = Calendar(ZoneInfo("UTC"))
HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)

scopes = st.lists(st.sampled_from([TEAM, KEY]), max_size=5)


def limit(name: str = "budget", scope: AccountScope = TEAM, overrides: tuple[Override, ...] = ()) -> Limit:
    return Limit(name, scope, Meter.USD, WindowKind.MONTH, 10, overrides=overrides)


def rate(name: str, scope: AccountScope) -> Rate:
    return Rate(name, scope, 1, RateWindow.SECOND, 1)


def override(ceiling: int, starts_at: datetime, ends_at: datetime) -> Override:
    return Override(ceiling, starts_at, ends_at, "launch", "cfo")


def together(team: TeamPolicy, organization: Organization | None = None) -> PolicySet:
    return PolicySet(organization or Organization("acme", CALENDAR), {team.slug: team, "idle": TeamPolicy("idle")})


# --- Ceilings ---


def test_an_override_is_in_force_from_its_first_instant_up_to_not_including_its_end() -> None:
    launch = limit(overrides=(override(20, NOON, NOON + HOUR),))

    moments = [NOON - INSTANT, NOON, NOON + HOUR - INSTANT, NOON + HOUR]
    assert [launch.ceiling_at(now) for now in moments] == [10, 20, 20, 10]


@given(st.data(), st.lists(st.integers(0, 50), min_size=2, max_size=8, unique=True), st.integers(-1, 51))
def test_of_overrides_that_do_not_overlap_the_one_in_force_counts_whatever_their_order(
    data: st.DataObject, hours: list[int], hour: int
) -> None:
    edges = sorted(hours)
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    shuffled = data.draw(st.permutations(spans))
    overrides = tuple(override(100 + start, NOON + start * HOUR, NOON + end * HOUR) for start, end in shuffled)

    expected = [100 + start for start, end in spans if start <= hour < end] or [10]
    assert [limit(overrides=overrides).ceiling_at(NOON + hour * HOUR)] == expected


# --- Sets ---


@given(scopes, scopes)
def test_limits_and_rates_are_the_organizations_the_teams_then_the_keys_each_in_file_order(
    limits: list[AccountScope], rates: list[AccountScope]
) -> None:
    ours = Organization(
        "acme",
        CALENDAR,
        limits=(limit("z", ORGANIZATION), limit("a", ORGANIZATION)),
        rates=(rate("z", ORGANIZATION),),
    )
    team = TeamPolicy(
        "video",
        limits=tuple(limit(str(at), scope) for at, scope in enumerate(limits)),
        rates=tuple(rate(str(at), scope) for at, scope in enumerate(rates)),
    )
    policies = together(team, ours)

    def in_order(named: list[AccountScope]) -> list[str]:
        return [str(at) for scope in (TEAM, KEY) for at, one in enumerate(named) if one is scope]

    assert [one.name for one in policies.limits("video")] == ["z", "a", *in_order(limits)]
    assert [one.name for one in policies.rates("video")] == ["z", *in_order(rates)]
    assert policies.limits("idle") == ours.limits


@pytest.mark.parametrize(
    ("own", "models"), [(None, ("maker/*",)), ((), ()), (("other/*", "maker/*"), ("other/*", "maker/*"))]
)
def test_a_team_runs_what_it_names_itself_else_what_the_organization_does(
    own: tuple[str, ...] | None, models: tuple[str, ...]
) -> None:
    policies = together(TeamPolicy("video", allow=Allow(models=own)), Organization("acme", CALENDAR, ("maker/*",)))

    assert policies.models("video") == models


def test_accounts_of_each_scope_have_their_owner() -> None:
    assert together(TeamPolicy("video")).owners("video", "key_1") == {
        ORGANIZATION: "acme",
        TEAM: "video",
        KEY: "key_1",
    }


def test_a_team_that_is_not_there_has_no_limits_to_meet() -> None:
    with pytest.raises(KeyError):
        together(TeamPolicy("video")).limits("audio")


def test_restricted_fields_are_known_by_what_is_left_of_names_that_look_alike() -> None:
    allow = Allow(input={"has_sound": ("false",), "duration": ("5",)})

    assert allow.look_alikes == {"hassound": "has_sound", "duration": "duration"}
    assert Allow().look_alikes == {}


# --- Rates ---


@pytest.mark.parametrize(
    ("requests", "window", "interval_us"),
    [(1, RateWindow.HOUR, 3_600_000_000), (60, RateWindow.MINUTE, 1_000_000), (7, RateWindow.SECOND, 142_858)],
)
def test_a_rate_that_does_not_divide_evenly_is_slower_not_faster(
    requests: int, window: RateWindow, interval_us: int
) -> None:
    assert Rate("submits", TEAM, requests, window, 1).interval_us == interval_us
