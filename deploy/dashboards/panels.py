"""How a panel of ours looks, by its kind. What it asks and what it is for, is where it is used."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, Final, TypeAlias

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as queries
from grafana_foundation_sdk.models.text import TextMode

USD: Final = "currencyUSD"
SHARE: Final = "percentunit"
SECONDS: Final = "s"
RATE: Final = "reqps"
COUNT: Final = "short"
DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
# In the order of Grafana's grid, which is 24 wide.
WHOLE, HALF, THIRD, SIXTH = 24, 12, 8, 4

# An expression, and what each of its series is called.
Asked: TypeAlias = tuple[str, str]


def _query(number: int, expression: str, legend: str) -> prometheus.Dataquery:
    named = prometheus.Dataquery().expr(expression).legend_format(legend).datasource(DATASOURCE)
    # The SDK leaves the name out, and Grafana then mixes queries up.
    return named.ref_id(ascii_uppercase[number])


def _steps(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    found = [models.Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def alarming(at: float) -> dashboard.ThresholdsConfig:
    """Green, and red from there on."""
    return _steps((None, "green"), (at, "red"))


def filling() -> dashboard.ThresholdsConfig:
    """Of a limit, what is used: as the alerts have it."""
    return _steps((None, "green"), (0.8, "orange"), (1, "red"))


def figure(
    title: str, about: str, expression: str, unit: str, thresholds: dashboard.ThresholdsConfig | None = None
) -> stat.Panel:
    """One number."""
    panel = stat.Panel().title(title).description(about).datasource(DATASOURCE).unit(unit).height(4).span(SIXTH)
    panel = panel.graph_mode(shapes.BigValueGraphMode.NONE).no_value("0")
    if thresholds is not None:
        panel = panel.thresholds(thresholds).color_mode(shapes.BigValueColorMode.BACKGROUND)
    else:
        panel = panel.color_mode(shapes.BigValueColorMode.NONE)
    return panel.with_target(_query(0, expression, "").instant())


def lines(title: str, about: str, asked: Sequence[Asked], unit: str, stacked: bool = False) -> timeseries.Panel:
    """Series over time."""
    panel = timeseries.Panel().title(title).description(about).datasource(DATASOURCE).unit(unit).min(0)
    panel = panel.height(8).span(HALF).fill_opacity(30 if stacked else 8)
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.TABLE)
    panel = panel.legend(legend.placement(shapes.LegendPlacement.RIGHT).show_legend(True).calcs(["lastNotNull", "max"]))
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    for number, (expression, name) in enumerate(asked):
        panel = panel.with_target(_query(number, expression, name))
    return panel


def bars(
    title: str, about: str, asked: Asked, unit: str, thresholds: dashboard.ThresholdsConfig | None = None
) -> bargauge.Panel:
    """A bar for each series, as it is now."""
    panel = bargauge.Panel().title(title).description(about).datasource(DATASOURCE).unit(unit).min(0)
    panel = panel.height(8).span(THIRD).orientation(shapes.VizOrientation.HORIZONTAL)
    panel = panel.display_mode(shapes.BarGaugeDisplayMode.BASIC)
    panel = panel.thresholds(thresholds or _steps((None, "blue")))
    return panel.with_target(_query(0, *asked).instant())


def sheet(title: str, about: str, columns: Sequence[tuple[str, str, str]], by: Sequence[str]) -> table.Panel:
    """A row for each set of labels, a column for each expression with its heading and unit.

    `by` are the labels that are shown, in their order, under their own names.
    """
    panel = table.Panel().title(title).description(about).datasource(DATASOURCE).height(9).span(WHOLE)
    renamed: dict[str, str] = {}
    for number, (expression, heading, unit) in enumerate(columns):
        query = _query(number, expression, "").instant().format(queries.PromQueryFormat.TABLE)
        renamed[f"Value #{ascii_uppercase[number]}"] = heading
        panel = panel.with_target(query).override_by_name(heading, [models.DynamicConfigValue("unit", unit)])
    order = {name: at for at, name in enumerate([*by, *renamed])}
    hidden = {name: True for name in ("Time", "__name__", "instance", "job", "meter") if name not in by}
    options: dict[str, Any] = {"excludeByName": hidden, "indexByName": order, "renameByName": renamed}
    merged = models.DataTransformerConfig(id_val="merge", options={})
    return panel.with_transformation(merged).with_transformation(
        models.DataTransformerConfig(id_val="organize", options=options)
    )


def words(content: str) -> text.Panel:
    """What is to be read first."""
    return text.Panel().title("").mode(TextMode.MARKDOWN).content(content).height(3).span(WHOLE).transparent(True)


def board(title: str, uid: str, about: str, since: str) -> dashboard.Dashboard:
    """An empty dashboard that shows what happened `since`, by a data source that one may choose."""
    chosen = dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    made = dashboard.Dashboard(title).uid(uid).description(about).tags(["tollhouse"]).readonly()
    return made.time(since, "now").refresh("1m").timezone("browser").with_variable(chosen)


def choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """Some of the values that a label has, or all of them."""
    made = dashboard.QueryVariable(name).label(label).datasource(DATASOURCE).query(query)
    made = made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    return made.multi(True).include_all(True).all_value(".*").current(models.VariableOption(text="All", value="$__all"))
