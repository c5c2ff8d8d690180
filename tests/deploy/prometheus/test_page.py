"""The rules by their text, and the page that goes with them."""

import re
from typing import Any

import click
import yaml

from gateway.cli import main
from tests.deploy.prometheus.replay import RULES
from tests.rigs.provider import ROOT


def alerts() -> set[str]:
    return {rule["alert"] for group in _groups() for rule in group["rules"] if "alert" in rule}


def _groups() -> list[dict[str, Any]]:
    return list(yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"])


def test_two_gateways_double_nothing() -> None:
    """Gauges of the store are the same from each: every use of one says which to take."""
    text = RULES.read_text(encoding="utf-8")
    gauges = re.findall(
        r"(\w+(?: by \([^)]*\))?) ?\(tollhouse_(?:limit|holds|oldest|ledger|policy_watch|keys|price_closed)\w*", text
    )
    assert len(gauges) > 8
    assert {one.split()[0] for one in gauges} == {"max"}


def test_every_alert_has_its_part_of_the_page_and_says_where() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Tollhouse\w+)$", page, re.MULTILINE)) == alerts()
    for group in _groups():
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
                assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_what_the_page_says_to_type_can_be_typed() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    typed = set(re.findall(r"`tollhouse ([^`]+)`", page))
    assert len(typed) > 15
    for words in map(str.split, typed):
        command: click.Command = main
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        known = {option for one in command.params for option in one.opts}
        assert [word for word in words if word.startswith("--") and word not in known] == [], typed
