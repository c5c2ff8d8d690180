"""Where alerts may be sent: judged of what is proposed, with its file and key, and never of what is live."""

from ipaddress import ip_network

import pytest

from gateway.adapters.policy_files import load
from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.webhook_address import AllowedHost
from tests.walkthrough.policies import alerts_to, budget, organization, team, whole

FINE = "https://hooks.example.com/alerts?of=video"


def proposed(*files: dict[str, str], hosts: tuple[AllowedHost, ...] = ()) -> tuple[Complaint, ...]:
    found = load(whole(*files), webhook_hosts=hosts)
    return () if isinstance(found, Rules) else found


def test_an_address_is_the_teams_or_the_organizations() -> None:
    files = whole(team(alerts_to(FINE)), organization(alerts_to("https://ours.example.com/")), team(slug="idle"))
    rules = load(files, webhook_hosts=())
    assert isinstance(rules, Rules), rules
    told = [rules.policies.alerts_to(each) for each in ("video", None, "idle", "removed")]
    assert told == [FINE, "https://ours.example.com/", None, None]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://hooks.example.com/", "must use https"),
        ("https://169.254.169.254/latest", "must not be a private or reserved address"),
        ("https://hooks.internal/", "must name a host that the public internet knows"),
        ("https://me:secret@hooks.example.com/", "must read https://host/path"),
        ("https://hooks.example.com/#x", "must be visible ASCII"),
    ],
)
def test_one_that_may_not_be_called_is_a_mistake_and_what_is_live_stays_usable(url: str, sentence: str) -> None:
    files = team(alerts_to(url), budget("5.00")), organization(alerts_to(url))
    found = proposed(*files)
    assert [(one.file, one.key) for one in found] == [
        ("organization.toml", "alerts.webhook"),
        ("teams/video.toml", "alerts.webhook"),
    ]
    assert all(one.message.startswith(sentence) and "secret" not in one.message for one in found)
    assert isinstance(load(whole(*files)), Rules)


def test_a_setting_allows_private_ones() -> None:
    files = team(alerts_to("http://10.1.2.3:8080/alerts"))
    assert proposed(files, hosts=(ip_network("10.0.0.0/8"),)) == ()
    assert len(proposed(files, hosts=("10.example.com",))) == 1


@pytest.mark.parametrize("text", ["[alerts]\nwebhook = 5", '[alerts]\nwebhook = "ftp://x"', "[alerts]", "alerts = 1"])
def test_what_is_no_address_at_all_is_a_mistake_everywhere(text: str) -> None:
    for hosts in (None, ()):
        found = load(whole(team("\n" + text)), webhook_hosts=hosts)
        assert isinstance(found, tuple)
        assert {one.file for one in found} == {"teams/video.toml"}


def test_it_hides_no_other_mistake() -> None:
    found = proposed(team(alerts_to("https://localhost/")), team("nonsense = 1", slug="audio"))
    assert [one.file for one in found] == ["teams/audio.toml", "teams/video.toml"]


def test_a_team_may_not_have_the_name_by_which_the_organizations_alerts_are_signed() -> None:
    told, same = organization(alerts_to(FINE)), team(slug="acme")
    assert [(one.file, one.key) for one in proposed(told, same)] == [("teams/acme.toml", "team")]
    assert proposed(organization(), same) == proposed(told, team()) == ()
