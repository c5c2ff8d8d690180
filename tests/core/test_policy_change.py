"""Every change is shown, nothing else is; what is left behind is named, and what keeps its figures is not."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from gateway.adapters.policy_files import load
from gateway.core.account import AccountScope, Meter
from gateway.core.plan import Rules
from gateway.core.policy_change import ORDERS, Change, Verb, compare, left_behind, left_out
from gateway.core.policy_facts import Facts, Place, Thing, facts_of
from gateway.core.policy_set import Limit, Organization, Override, PolicySet, TeamPolicy
from gateway.core.window import Calendar, WindowKind
from tests.doubles import NOON
from tests.policy_directories import directories
from tests.walkthrough.policies import budget, team, whole

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


def rules_of(files: dict[str, str]) -> Rules:
    compiled = load(files)
    assert isinstance(compiled, Rules), [str(one) for one in compiled]
    return compiled


def patched(before: dict[Place, Facts], changes: tuple[Change, ...]) -> dict[Place, Facts]:
    """The facts with exactly these changes made to them."""
    found = dict(before)
    for change in changes:
        kept = {field: fact for field, fact in found.pop(change.place, {}).items() if field not in change.before}
        if change.verb is not Verb.REMOVED:
            found[change.place] = {**kept, **change.after}
    return found


def without_orders(facts: dict[Place, Facts]) -> dict[Place, Facts]:
    """What is added or removed stands in no order of things that were there."""
    return {
        place: {field: fact for field, fact in said.items() if field not in ORDERS} for place, said in facts.items()
    }


@given(directories(), directories())
@settings(max_examples=25)
def test_the_changes_are_exactly_what_makes_the_one_the_other(one: dict[str, str], other: dict[str, str]) -> None:
    live, proposed = rules_of(one), rules_of(other)
    changes = compare(live, proposed)
    assert without_orders(patched(facts_of(live), changes)) == without_orders(facts_of(proposed))
    assert (changes == ()) == ((live.policies, live.prices) == (proposed.policies, proposed.prices))
    assert compare(proposed, proposed) == ()


@given(directories(), directories())
@settings(max_examples=25)
def test_what_must_be_named_are_the_limits_shown_as_gone_or_anew(one: dict[str, str], other: dict[str, str]) -> None:
    live, proposed = rules_of(one), rules_of(other)
    changes = compare(live, proposed)
    gone = {change.place.owner for change in changes if (change.place.thing, change.verb) == (Thing.TEAM, Verb.REMOVED)}
    shown = {
        f"{change.place.owner}/{change.place.name}"
        for change in changes
        if change.place.thing is Thing.LIMIT
        and change.verb in (Verb.REMOVED, Verb.STARTS_ANEW)
        and change.place.owner not in gone
    }
    assert shown == set(left_behind(live.policies, proposed.policies))
    assert gone == set(left_out(one, other))


def test_the_first_policies_are_all_new() -> None:
    proposed = rules_of(whole(team(budget("1.00"))))
    assert {change.verb for change in compare(None, proposed)} == {Verb.ADDED}


def test_another_order_of_limits_is_told() -> None:
    first, second = budget("1.00"), budget("2.00", "second")
    (change,) = compare(rules_of(whole(team(first, second))), rules_of(whole(team(second, first))))
    assert (change.place, change.verb) == (Place("video", Thing.TEAM, "video"), Verb.CHANGED)
    assert change.after == {"limits": ("second", "budget")}
