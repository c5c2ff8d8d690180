"""Which accounts are watched, by policies and by the names in the ledger's entries."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Account, AccountScope, Meter
from gateway.core.alert_watch import AHEAD, LOOKED_BACK, Watch, Watched, read_name
from gateway.core.policy_set import Limit, Organization, Override, PolicySet, TeamPolicy
from gateway.core.window import Calendar, WindowKind
from tests.doubles import NOON

ORGANIZATION, TEAM, KEY = AccountScope
CALENDAR = Calendar(ZoneInfo("UTC"))
HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)
MONTH_ENDS = datetime(2026, 12, 1, tzinfo=UTC)


def limit(
    name: str,
    scope: AccountScope = TEAM,
    window: WindowKind | None = WindowKind.MONTH,
    at: tuple[int, ...] = (50,),
    overrides: tuple[Override, ...] = (),
) -> Limit:
    meter = Meter.IN_FLIGHT if window is None else Meter.USD
    return Limit(name, scope, meter, window, 100, alert_at=at, overrides=overrides)


def watch(*team: Limit, organization: tuple[Limit, ...] = ()) -> Watch:
    ours = Organization("acme", CALENDAR, limits=organization)
    teams = {"video": TeamPolicy("video", limits=team), "idle": TeamPolicy("idle")}
    return Watch(PolicySet(ours, teams))


def override(starts_at: datetime, ends_at: datetime, ceiling: int = 200) -> Override:
    return Override(ceiling, starts_at, ends_at, "launch", "cfo")


def find(watching: Watch, account: Account, now: datetime = NOON, team: str | None = None) -> Watched | None:
    named = read_name(account.name)
    assert named is not None
    return watching.account(named, team, now)


BUDGET = Account(TEAM, "video", "budget", Meter.USD, "2026-11")


def test_a_whole_look_is_at_every_limit_with_thresholds_that_is_not_a_keys() -> None:
    watching = watch(
        limit("budget"), limit("quiet", at=()), limit("each", KEY), organization=(limit("ample", ORGANIZATION),)
    )
    found = list(watching.all(NOON))
    assert [(one.team, one.demand.account.name) for one in found] == [
        (None, "organization:acme:ample:usd:2026-11"),
        ("video", BUDGET.name),
    ]
    assert found[1].thresholds == (50,)


def test_an_override_is_looked_at_when_it_begins_and_when_it_ends() -> None:
    launch = override(NOON, NOON + HOUR)
    watching = watch(limit("budget", overrides=(launch,)), limit("other"), limit("each", KEY, overrides=(launch,)))
    edges = [NOON - INSTANT, NOON, NOON + HOUR - INSTANT, NOON + HOUR, NOON + 2 * HOUR]
    seen = [[one.demand.ceiling for one in watching.changed(since, now)] for since, now in pairwise(edges)]
    assert seen == [[200], [], [100], []]
    assert [one.demand.ceiling for one in watching.changed(NOON - HOUR, NOON + 2 * HOUR)] == [100]


def test_the_name_of_an_account_leads_to_its_limit() -> None:
    watching = watch(limit("budget"), organization=(limit("ample", ORGANIZATION),))
    found = find(watching, BUDGET)
    assert found is not None
    assert (found.team, found.demand.account, found.demand.ceiling) == ("video", BUDGET, 100)
    ours = find(watching, Account(ORGANIZATION, "acme", "ample", Meter.USD, "2026-11"))
    assert ours is not None
    assert ours.team is None


@pytest.mark.parametrize(
    "account",
    [
        Account(TEAM, "audio", "budget", Meter.USD, "2026-11"),
        Account(TEAM, "video", "other", Meter.USD, "2026-11"),
        Account(TEAM, "video", "quiet", Meter.USD, "2026-11"),
        Account(TEAM, "video", "budget", Meter.JOBS, "2026-11"),
        Account(TEAM, "video", "budget", Meter.USD, "2026-09"),
        Account(TEAM, "video", "budget", Meter.USD, "2026-12"),
        Account(KEY, "video", "budget", Meter.USD, "2026-11"),
        Account(TEAM, "video", "each", Meter.USD, "2026-11"),
        Account(ORGANIZATION, "acme", "budget", Meter.USD, "2026-11"),
    ],
)
def test_a_name_that_is_no_limits_of_now_is_not_watched(account: Account) -> None:
    watching = watch(limit("budget"), limit("quiet", at=()), limit("each", KEY))
    assert find(watching, account, team="video") is None


def test_accounts_of_test_keys_are_never_watched() -> None:
    assert read_name(Account(TEAM, "video", "budget", Meter.USD, "2026-11", test=True).name) is None


def test_a_keys_account_is_watched_as_its_teams() -> None:
    watching = watch(limit("each", KEY), limit("budget"))
    account = Account(KEY, "key_1", "each", Meter.USD, "2026-11")
    named, budget = read_name(account.name), read_name(BUDGET.name)
    assert named is not None
    assert budget is not None
    assert (watching.needs_key(named), watching.needs_key(budget)) == (True, False)
    found = find(watching, account, team="video")
    assert found is not None
    assert (found.team, found.demand.account) == ("video", account)
    assert find(watching, account, team="idle") is find(watching, account, team=None) is None


def test_jobs_at_once_have_one_account_for_ever() -> None:
    running = Account(TEAM, "video", "at-once", Meter.IN_FLIGHT, "")
    found = find(watch(limit("at-once", window=None)), running)
    assert found is not None
    assert found.demand.account == running


def test_the_last_seconds_of_a_window_are_told_after_it_with_the_ceiling_of_its_end() -> None:
    watching = watch(limit("budget", overrides=(override(MONTH_ENDS - HOUR, MONTH_ENDS),)))
    late = find(watching, BUDGET, MONTH_ENDS + timedelta(seconds=1))
    assert late is not None
    assert (late.demand.ceiling, late.demand.resets_at) == (200, MONTH_ENDS)
    assert find(watching, BUDGET, MONTH_ENDS + LOOKED_BACK) is not None
    assert find(watching, BUDGET, MONTH_ENDS + LOOKED_BACK + INSTANT) is None


def test_a_window_that_has_begun_by_another_clock_is_watched_already() -> None:
    december = Account(TEAM, "video", "budget", Meter.USD, "2026-12")
    watching = watch(limit("budget", overrides=(override(MONTH_ENDS, MONTH_ENDS + HOUR),)))
    early = find(watching, december, MONTH_ENDS - AHEAD)
    assert early is not None
    assert (early.demand.account, early.demand.ceiling) == (december, 200)
    assert find(watching, december, MONTH_ENDS - AHEAD - INSTANT) is None


@given(st.sampled_from(WindowKind), st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))
def test_whatever_the_window_an_account_is_found_in_it_and_right_after_it(kind: WindowKind, local: datetime) -> None:
    now, watching = local.replace(tzinfo=UTC), watch(limit("budget", window=kind))
    [current] = watching.all(now)
    assert find(watching, current.demand.account, now) == current
    ends_at = current.demand.resets_at
    if ends_at is not None:
        after = find(watching, current.demand.account, ends_at)
        assert after is not None
        assert (after.demand.account, after.demand.resets_at) == (current.demand.account, ends_at)
