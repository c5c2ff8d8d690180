"""*Spend*, for finance: where the month's money is."""

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import bargauge, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from deploy.dashboards.panels import (
    COUNT,
    HALF,
    SECONDS,
    SHARE,
    USD,
    alarming,
    bars,
    board,
    choice,
    figure,
    filling,
    lines,
    sheet,
    words,
)

# Budgets of the teams that are chosen, and those of the organization, which are everybody's.
_BUDGETS: Final = '{{meter="usd", name=~"$team"}} or {0}{{meter="usd", scope="organization"}}'
_FIRST: Final = """
**Unaudited.** These are counters and gauges, good enough to steer by: counters may lack the last seconds before a
crash. Months are closed, charged back and compared with the provider's invoice from the SQL ledger.
The time range begins with the month; *spent*, *held* and *free* are of each budget's own window, now.
""".strip()
_DASHED: Final = [
    models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),
    models.DynamicConfigValue("custom.fillOpacity", 0),
]


def _of(series: str) -> str:
    return series + _BUDGETS.format(series)


def _within(series: str, by: str, more: str = "") -> str:
    """USD of a counter within the time range."""
    return f'sum by ({by}) (increase({series}{{team=~"$team"{more}}}[$__range]))'


def _figures() -> Iterator[stat.Panel]:
    yield figure(
        "Charged",
        "What the upstream charged for accepted jobs within the time range.",
        'sum(increase(tollhouse_cost_usd_total{team=~"$team"}[$__range]))',
        USD,
    )
    yield figure(
        "Came back",
        "Of what was charged, what came back for jobs that failed or were cancelled.",
        'sum(increase(tollhouse_refund_usd_total{team=~"$team"}[$__range])) or vector(0)',
        USD,
    )
    yield figure(
        "Held now",
        "Set aside for jobs whose charge is not known yet: it may still be spent. Of each team its fullest limit.",
        'sum(max by (name) (tollhouse:limit_held{meter="usd", scope="team", name=~"$team"}))',
        USD,
    )
    yield figure(
        "Refused",
        "What jobs would have cost that a limit refused. Each try counts.",
        'sum(increase(tollhouse_refused_usd_total{team=~"$team"}[$__range])) or vector(0)',
        USD,
    )
    yield figure(
        "Charged beside the price",
        "What was charged above or below our own price files: 0, or they are wrong.",
        "sum(increase(tollhouse_price_drift_usd_total[$__range])) or vector(0)",
        USD,
        alarming(0.01),
    )
    yield figure(
        "In doubt",
        "Submits of which nobody knows yet what became. Their money is held.",
        'max(tollhouse_holds{state="in_doubt"})',
        COUNT,
        alarming(1),
    )


def _budgets() -> table.Panel:
    ceiling, spent, held = (_of(f"tollhouse:limit_{figure}") for figure in ("ceiling", "posted", "held"))
    return sheet(
        "Budgets: spent, held, free",
        "Every limit on money, in its current window. Free is what may still be asked for. The forecast is the end of "
        "the window if every day is like the last.",
        [
            (ceiling, "ceiling", USD),
            (spent, "spent", USD),
            (held, "held", USD),
            (f"({ceiling}) - ({spent}) - ({held})", "free", USD),
            (_of("tollhouse:limit_used:ratio"), "used", SHARE),
            (_of("tollhouse:budget_forecast:usd"), "forecast", USD),
            (_of("tollhouse:limit_remaining:seconds"), "resets in", SECONDS),
        ],
        ("name", "limit", "scope"),
    )


def _over_time() -> Iterator[timeseries.Panel]:
    yield lines(
        "Burn",
        "USD an hour, by team.",
        [('sum by (team) (rate(tollhouse_cost_usd_total{team=~"$team"}[1h])) * 3600', "{{team}}")],
        USD,
        stacked=True,
    )
    yield lines(
        "Forecast of each budget's end",
        "Against its ceiling, which is the dashed line where the two are one budget's.",
        [
            (_of("tollhouse:budget_forecast:usd"), "{{name}} {{limit}}"),
            (_of("tollhouse:limit_ceiling"), "{{name}} {{limit}}: ceiling"),
        ],
        USD,
    ).override_by_regexp(": ceiling$", _DASHED)
    yield lines(
        "Charged by model",
        "USD an hour.",
        [('sum by (model) (rate(tollhouse_cost_usd_total{team=~"$team"}[1h])) * 3600', "{{model}}")],
        USD,
        stacked=True,
    )


def _bars() -> Iterator[bargauge.Panel]:
    yield bars(
        "Used of each budget",
        "Spent and held, of what is given.",
        (_of("tollhouse:limit_used:ratio"), "{{name}} {{limit}}"),
        SHARE,
        filling(),
    ).span(HALF)
    yield bars(
        "Charged by team and model",
        "Within the time range, the most first.",
        (f"topk(15, {_within('tollhouse_cost_usd_total', 'team, model')})", "{{team}}: {{model}}"),
        USD,
    )
    yield bars(
        "Came back, by why",
        "Refunds within the time range.",
        (_within("tollhouse_refund_usd_total", "team, reason"), "{{team}}: {{reason}}"),
        USD,
    )
    yield bars(
        "Refused, by limit",
        "What was not spent within the time range because a limit said no.",
        (_within("tollhouse_refused_usd_total", "team, limit"), "{{team}}: {{limit}}"),
        USD,
    )
    yield bars(
        "Would have been refused",
        "By limits in shadow mode, which only watch: what they would have kept from being spent.",
        (_within("tollhouse_shadow_refused_usd_total", "team, limit"), "{{team}}: {{limit}}"),
        USD,
    )
    yield bars(
        "Drift, by model",
        "What was charged above or below the quote within the time range. `tollhouse price drift` says more.",
        (
            "sum by (model, direction) (increase(tollhouse_price_drift_usd_total[$__range]))",
            "{{model}}: {{direction}}",
        ),
        USD,
    )
    yield bars(
        "Jobs accepted, by team",
        "Within the time range.",
        (_within("tollhouse_submissions_total", "team", ', outcome="accepted"'), "{{team}}"),
        COUNT,
    )


def spend() -> dashboard.Dashboard:
    """The dashboard."""
    made = board("Tollhouse: Spend", "tollhouse-spend", "Where the month's money is, by team and model.", "now/M")
    made = made.with_variable(choice("team", "Team", 'label_values(tollhouse_limit_ceiling{scope="team"}, name)'))
    for panel in (words(_FIRST), *_figures(), _budgets(), *_over_time(), *_bars()):
        made = made.with_panel(panel)
    return made
