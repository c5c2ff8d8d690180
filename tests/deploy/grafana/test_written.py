"""What is committed is what the source makes. If one of these fails: make dashboards."""

import json
import re
from typing import Any, Final

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.__main__ import PLACE, dashboards
from tests.rigs.provider import ROOT

COMMITTED: Final[dict[str, dict[str, Any]]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in PLACE.glob("*.json")
}
RECORDED: Final = set(
    re.findall(r"- record: (\S+)", (ROOT / "deploy" / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))
)
EXPOSED: Final = set(re.findall(r"`(tollhouse_[a-z_]+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))


def queries(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The panel and the expression of each."""
    return [(panel["title"], one["expr"]) for panel in document["panels"] for one in panel.get("targets", ())]


def test_they_are_what_the_source_makes() -> None:
    assert dashboards() == COMMITTED
    assert set(COMMITTED) == {"spend", "operations"}


@pytest.mark.parametrize("document", COMMITTED.values(), ids=COMMITTED)
def test_they_have_the_form_of_grafana_11(document: dict[str, Any]) -> None:
    assert document["schemaVersion"] == 41
    again = Dashboard.from_json(json.loads(json.dumps(document)))
    assert json.loads(JSONEncoder(sort_keys=True).encode(again)) == document
    assert document["uid"].startswith("tollhouse-")
    assert [one["name"] for one in document["templating"]["list"] if one["type"] == "datasource"] == ["datasource"]


@pytest.mark.parametrize("document", COMMITTED.values(), ids=COMMITTED)
def test_every_panel_says_what_it_shows_in_which_unit_from_the_chosen_source(document: dict[str, Any]) -> None:
    for panel in document["panels"]:
        if panel["type"] == "text":
            continue
        assert panel["description"].rstrip("`").endswith("."), panel["title"]
        units = [panel["fieldConfig"]["defaults"].get("unit")] if panel["type"] != "table" else []
        units += [
            two["value"]
            for one in panel["fieldConfig"]["overrides"]
            for two in one["properties"]
            if two["id"] == "unit"
        ]
        assert units, panel["title"]
        assert all(units), panel["title"]
        names = [one["refId"] for one in panel["targets"]]
        assert len(set(names)) == len(names)
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("document", COMMITTED.values(), ids=COMMITTED)
def test_no_two_panels_lie_on_one_place(document: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("document", COMMITTED.values(), ids=COMMITTED)
def test_they_ask_for_what_there_is(document: dict[str, Any]) -> None:
    for title, expression in queries(document):
        for name in re.findall(r"\btollhouse[:_][a-z_:0-9]+", expression):
            known = EXPOSED | RECORDED
            assert name in known or re.sub("_(bucket|count|sum|total)$", "", name) in {
                re.sub("_total$", "", one) for one in known
            }, f"{title}: {name}"


def test_gauges_of_the_store_are_taken_once() -> None:
    """Each gateway says the same: to add them up would double them."""
    for document in COMMITTED.values():
        for title, expression in queries(document):
            for use in re.findall(
                r"(\w+)(?: by \([^)]*\))? ?\(tollhouse_(?:limit|holds|oldest|ledger|keys)\w*", expression
            ):
                assert use == "max", title


def test_provisioning_finds_them_where_compose_puts_them() -> None:
    provider = yaml.safe_load((PLACE / "provisioning" / "dashboards" / "tollhouse.yaml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    mounted = dict(place.split(":")[:2] for place in compose["services"]["grafana"]["volumes"])
    assert mounted["./deploy/grafana"] == provider["providers"][0]["options"]["path"]
    assert mounted["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    source = yaml.safe_load((PLACE / "provisioning" / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    assert "prometheus" in compose["services"]
