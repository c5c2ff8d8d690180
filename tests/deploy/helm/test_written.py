"""What the chart repeats from elsewhere is what it is there. If one of these fails: make chart."""

import json
import re

import pytest
import yaml

from deploy.chart import CHART, ROOT, copies, readme, schema, values
from gateway import __version__
from tests.deploy.helm.chart import leaves

VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")


def test_the_schema_is_made_of_the_values_and_the_settings() -> None:
    settings = json.loads((ROOT / "docs" / "schema" / "settings.json").read_text(encoding="utf-8"))
    assert json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")) == schema(VALUES, settings)


def test_the_table_is_made_of_the_values() -> None:
    page = (CHART / "README.md").read_text(encoding="utf-8")
    assert page == readme(page, VALUES)
    assert page.count("\n| `") > 60


def test_every_value_says_what_it_is_for() -> None:
    told = {one.path for one in values(VALUES)}
    assert {".".join(path) for path in leaves(yaml.safe_load(VALUES))} <= told


def test_rules_and_dashboards_are_those_that_ship() -> None:
    repeated = list(copies())
    assert len(repeated) > 2
    assert [copy for source, copy in repeated if source.read_bytes() != copy.read_bytes()] == []
    assert {copy for _, copy in repeated} == {one for one in (CHART / "files").rglob("*") if one.is_file()}


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == __version__


def test_a_template_is_one_object() -> None:
    for file in (CHART / "templates").rglob("*.yaml"):
        kinds = re.findall(r"^kind: ", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(kinds) == (0 if file.name == "requirements.yaml" else 1), file


@pytest.mark.parametrize("text", ["a: 1\n", "# -- What.\na:\n  b: 1\n"])
def test_a_value_without_a_word_is_seen(text: str) -> None:
    told = {one.path for one in values(text)}
    assert not {".".join(path) for path in leaves(yaml.safe_load(text))} <= told
