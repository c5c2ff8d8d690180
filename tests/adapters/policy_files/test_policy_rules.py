"""What the values of a policy file must be to each other, read from documents that may hold anything."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.policy_files.policy_rules import organization_rules_broken, team_rules_broken
from gateway.adapters.policy_files.toml import Toml

START = datetime(2026, 11, 23, tzinfo=UTC)
BUDGET = {"name": "budget", "meter": "usd", "window": "month", "ceiling": "10.00"}
CLIPS = {"name": "clips", "meter": "jobs", "window": "day", "ceiling": 5}

hours = st.integers(0, 4)
keys = st.sampled_from(["name", "meter", "window", "ceiling", "alert_at", "mode", "models", "limit", "from", "until"])
values = st.sampled_from(
    ["usd", "jobs", "in_flight", "1.00", "shadow", 1, 1.5, True, START, START.replace(tzinfo=None)]
)
anything = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=8
)
sections = st.sampled_from(["team", "unlimited", "limit", "rate", "override"])
documents = st.dictionaries(sections, st.lists(st.dictionaries(keys, anything, max_size=6), max_size=3) | anything)


def broken(document: Toml) -> list[str]:
    """The keys at which a team's file breaks a rule."""
    return [key for key, _ in team_rules_broken("teams/video.toml", document)]


def override(start: int, end: int, limit: str = "budget", ceiling: object = "20.00") -> dict[str, object]:
    starts_at, ends_at = START + timedelta(hours=start), START + timedelta(hours=end)
    return {"limit": limit, "ceiling": ceiling, "from": starts_at, "until": ends_at}


def test_a_sound_file_breaks_no_rule() -> None:
    document = {"team": "video", "limit": [BUDGET, CLIPS], "override": [override(1, 2), override(1, 2, "clips", 9)]}

    assert broken(document) == []
    assert list(organization_rules_broken({"limit": [BUDGET, CLIPS]})) == []


@given(documents)
def test_whatever_a_document_holds_the_rules_are_read_to_the_end(document: Toml) -> None:
    for key, sentence in [*team_rules_broken("teams/video.toml", document), *organization_rules_broken(document)]:
        assert key
        assert sentence


def test_one_broken_rule_hides_no_other() -> None:
    limits = [
        {**BUDGET, "ceiling": 10, "alert_at": ["50%", "50%"]},
        {"name": "budget", "meter": "jobs", "ceiling": "x"},
    ]
    found = broken({"team": "audio", "limit": limits, "override": [override(2, 1, "none")]})

    assert sorted(found) == [
        "limit[0].alert_at[1]",
        "limit[0].ceiling",
        "limit[1].ceiling",
        "limit[1].name",
        "limit[1].window",
        "override[0].limit",
        "override[0].until",
        "team",
    ]


def test_a_limit_and_a_rate_may_have_one_name() -> None:
    assert broken({"limit": [BUDGET], "rate": [{"name": "budget"}]}) == []


@pytest.mark.parametrize("name", ["limit", "rate"])
def test_per_is_for_teams_alone(name: str) -> None:
    document = {name: [{**BUDGET, "per": "key"}]}

    assert [key for key, _ in organization_rules_broken(document)] == [f"{name}[0].per"]
    assert "per" not in " ".join(broken(document))


@given(hours, hours, hours, hours)
def test_overrides_of_one_limit_overlap_where_they_share_an_hour(a: int, b: int, c: int, d: int) -> None:
    shared = set(range(a, b)) & set(range(c, d))
    document = {"limit": [BUDGET, CLIPS], "override": [override(a, b), override(c, d)]}
    found = broken(document)

    assert ("override[0].until" in found) == (a >= b)
    assert ("override[1].until" in found) == (c >= d)
    if a < b and c < d:
        assert ("override[1]" in found) == bool(shared)
    apart = {"limit": [BUDGET, CLIPS], "override": [override(a, b), override(c, d, "clips", 9)]}
    assert "override[1]" not in broken(apart)


def test_a_time_without_a_zone_is_left_to_the_tables_which_complain_of_it() -> None:
    aware, naive = override(1, 3), override(2, 4)
    naive["from"] = START.replace(tzinfo=None)

    assert broken({"limit": [BUDGET], "override": [aware, naive]}) == []


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({}, "limit"),
        ({"limit": [CLIPS]}, "limit"),
        ({"limit": [{**BUDGET, "mode": "shadow"}]}, "limit"),
        ({"limit": [BUDGET], "unlimited": True}, "unlimited"),
        ({"limit": [BUDGET]}, None),
        ({"unlimited": True}, None),
        ({"limit": [{**BUDGET, "models": ["maker/*"]}], "unlimited": True}, None),
        ({"limit": [{**BUDGET, "meter": "dollars"}]}, None),
        ({"limit": "none"}, None),
        ({"unlimited": "yes"}, None),
    ],
)
def test_a_team_has_a_budget_or_says_that_it_wants_none(document: Toml, key: str | None) -> None:
    assert broken(document) == ([] if key is None else [key])
