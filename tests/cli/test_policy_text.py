"""A plan and what a team is held to, as a person reads them."""

from gateway.cli.policy_text import effective_text, plan_text

CHANGE = {"owner": "video", "thing": "limit", "name": "jobs", "verb": "added", "before": {}}
PLAN = {
    "live": "a",
    "used": "0",
    "version": "b",
    "changes": [
        {**CHANGE, "after": {"ceiling": 3, "models": ["*"], "alert_at": [], "window": None}},
        {**CHANGE, "verb": "starts_anew", "before": {"window": "month"}, "after": {"window": "day"}},
    ],
    "needs": {"expect": "a", "reset": ["video/jobs"], "remove_teams": []},
    "left_behind": [{"limit": "video/jobs", "window": "2026-11", "posted": 7, "held": 1}],
    "full": [],
    "found": [],
    "keys": {"video": 2},
}
SOURCE = {"file": "teams/video.toml", "key": "limit[0]"}
OVERRIDE = {"until": "2026-12-01T00:00:00Z", "approved_by": "cfo", "reason": "launch", "source": SOURCE}
LIMIT = {
    "name": "each",
    "scope": "key",
    "window": "month",
    "mode": "enforce",
    "ceiling": "9.000000",
    "posted": "1.000000",
    "held": "0.000000",
    "headroom": "8.000000",
    "key": "key_1",
    "override": OVERRIDE,
    "source": SOURCE,
}


def test_a_plan_says_what_changes_what_is_left_behind_and_how_to_apply_it() -> None:
    text = plan_text(PLAN, ("my policies",))
    assert "+ limit video: jobs\n    ceiling = 3\n    models = [*]\n" in text
    assert "! limit video: jobs starts at zero\n    window: month -> day\n" in text
    assert "used      0: this gateway cannot use the live version" in text
    assert text.endswith("tollhouse policy apply 'my policies' --expect a --reset video/jobs")


def test_what_is_live_already_needs_no_command() -> None:
    plan = {**PLAN, "version": "a", "used": "a", "changes": [], "left_behind": [], "keys": {}}
    assert plan_text(plan, ()) == "live      a\nproposed  a\nNothing would change."


def test_an_override_says_until_when_and_who_approved_it() -> None:
    rate = {"name": "submits", "scope": "team", "requests": 5, "window": "minute", "burst": 5, "source": SOURCE}
    shown = {
        "team": "video",
        "version": "a",
        "cost_per_job": "5.000000",
        "input": {"has_sound": ["false"]},
        "models": {"patterns": ["*"], "source": SOURCE},
        "limits": [LIMIT],
        "rates": [rate],
    }
    text = effective_text(shown)
    assert "each: until 2026-12-01T00:00:00Z, approved by cfo: launch" in text
    assert "key (most on key_1)" in text
    assert "input     has_sound: false" in text
    assert "5 a minute" in text
