"""*Operations*, for whoever runs it: is it up, is it quick, does anything wait for somebody."""

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import bargauge, dashboard, stat, table, timeseries

from deploy.dashboards.panels import (
    COUNT,
    RATE,
    SECONDS,
    SHARE,
    USD,
    alarming,
    bars,
    board,
    figure,
    lines,
    sheet,
)

_QUANTILES: Final = (("0.5", "half"), ("0.99", "99 of 100"))


def _slowest(histogram: str, by: str = "") -> list[tuple[str, str]]:
    """What half and nearly all of a histogram's are quicker than."""
    grouped, legend = (f"le, {by}", f"{{{{{by}}}}}: ") if by else ("le", "")
    rate = f"sum by ({grouped}) (rate({histogram}_bucket[$__rate_interval]))"
    return [(f"histogram_quantile({share}, {rate})", f"{legend}{name}") for share, name in _QUANTILES]


def _share(outcomes: str) -> str:
    """Of all submits, those that came to one of these; 0 while there are none."""
    rate = "sum(rate(tollhouse_submissions_total{}[$__rate_interval]))"
    some = rate.format(f'{{outcome=~"{outcomes}"}}')
    return f"{some} / {rate.format('')} or vector(0)"


def _wrong() -> str:
    """What must not be, each under its name."""
    counters = {"unowned_jobs": "unowned jobs", "lost_jobs": "lost jobs", "anomalies": "anomalies"}
    asked = {f"sum(increase(tollhouse_{name}_total[$__range])) or vector(0)": what for name, what in counters.items()}
    asked["count(tollhouse_price_closed) or vector(0)"] = "closed prices"
    asked["max(tollhouse_policy_watch_failed)"] = "policies not applied"
    return " or ".join(f'label_replace({one}, "what", "{what}", "", "")' for one, what in asked.items())


def _figures() -> Iterator[stat.Panel]:
    yield figure("Gateways", "That answer Prometheus.", 'sum(up{job="tollhouse"})', COUNT)
    yield figure(
        "Cannot read the store",
        "Gateways that answer and admit nothing.",
        "count(tollhouse_build_info unless on (instance) tollhouse_holds) or vector(0)",
        COUNT,
        alarming(1),
    )
    yield figure(
        "Versions of policies",
        "That gateways decide by: one.",
        "count(count by (version) (tollhouse_policy_info))",
        COUNT,
        alarming(2),
    )
    yield figure(
        "Oldest due hold",
        "How long it has been due without an end.",
        "max(tollhouse_oldest_due_hold_seconds)",
        SECONDS,
        alarming(3600),
    )
    yield figure(
        "Ledger lag",
        "How long the oldest entry has waited for SQL.",
        "max(tollhouse_ledger_lag_seconds)",
        SECONDS,
        alarming(300),
    )
    yield figure(
        "Clock skew",
        "The farthest from the store's; from 2 s on nothing is admitted.",
        "max(abs(tollhouse_clock_skew_seconds))",
        SECONDS,
        alarming(1),
    )


def _traffic() -> Iterator[timeseries.Panel]:
    yield lines(
        "Submits by what they came to",
        "A second, of all gateways.",
        [("sum by (outcome) (rate(tollhouse_submissions_total[$__rate_interval]))", "{{outcome}}")],
        RATE,
        stacked=True,
    )
    yield lines(
        "Not accepted",
        "Share of submits that were refused by us, refused upstream, or got no answer.",
        [
            (_share("over_limit|over_rate|not_allowed|price_unknown|invalid|unauthorized"), "refused by us"),
            (_share("rejected"), "refused upstream"),
            (_share("unreachable|in_doubt"), "no answer from upstream"),
            (_share("store_unavailable|overloaded|broken"), "not to be had"),
        ],
        SHARE,
    )
    yield lines(
        "What we add",
        "A submit's time without the upstream's part.",
        _slowest("tollhouse_overhead_seconds"),
        SECONDS,
    )
    yield lines(
        "Upstream",
        "Its time to answer a submit.",
        _slowest("tollhouse_upstream_seconds"),
        SECONDS,
    )


def _inside() -> Iterator[timeseries.Panel]:
    yield lines(
        "Calls to the store",
        "Their time, by what is asked. One call may be about several holds.",
        _slowest("tollhouse_store_seconds", "operation"),
        SECONDS,
    )
    yield lines(
        "Store: calls and failures",
        "A second, of all gateways.",
        [
            ("sum(rate(tollhouse_store_seconds_count[$__rate_interval]))", "calls"),
            ("sum(rate(tollhouse_store_errors_total[$__rate_interval])) or vector(0)", "failed"),
        ],
        RATE,
    )
    yield lines(
        "Holds",
        "By state: captured ones are jobs that run.",
        [("max by (state) (tollhouse_holds)", "{{state}}")],
        COUNT,
    )
    yield lines(
        "Holds that were in doubt, by what settled them",
        "An hour.",
        [("sum by (evidence) (rate(tollhouse_settled_holds_total[1h])) * 3600", "{{evidence}}")],
        COUNT,
    )
    yield lines(
        "Webhooks of the upstream, and to clients",
        "A second, of all gateways.",
        [
            ("sum by (outcome) (rate(tollhouse_webhooks_total[$__rate_interval]))", "from upstream: {{outcome}}"),
            ("sum by (state) (rate(tollhouse_deliveries_total[$__rate_interval]))", "to clients: {{state}}"),
        ],
        RATE,
    )
    yield lines(
        "Lag",
        "What the SQL ledger lacks, and what is due.",
        [
            ("max(tollhouse_ledger_lag_seconds)", "ledger"),
            ("max(tollhouse_oldest_due_hold_seconds)", "oldest due hold"),
        ],
        SECONDS,
    )


def _bars() -> Iterator[bargauge.Panel]:
    yield bars(
        "Needs somebody",
        "Within the time range: what must not be, and each has its alert.",
        (_wrong(), "{{what}}"),
        COUNT,
        alarming(1),
    )
    yield bars(
        "Limits that are nearest",
        "Of all meters but jobs in flight.",
        ('topk(15, tollhouse:limit_used:ratio{meter!="in_flight"})', "{{name}} {{limit}}"),
        SHARE,
    )
    yield bars(
        "Thresholds that were reached",
        "Within the time range, each once in its window.",
        (
            "sum by (team, limit, threshold) (increase(tollhouse_alerts_total[$__range]))",
            "{{team}} {{limit}}: {{threshold}}",
        ),
        COUNT,
    )


def _sheets() -> Iterator[table.Panel]:
    yield sheet(
        "Who runs what",
        "Each gateway: its program, and what it charged since it started.",
        [
            ("max by (instance, version) (tollhouse_build_info)", "up", COUNT),
            ("sum by (instance) (tollhouse_cost_usd_total)", "charged", USD),
            ("sum by (instance) (tollhouse_submissions_total)", "submits", COUNT),
            ("max by (instance) (abs(tollhouse_clock_skew_seconds))", "clock skew", SECONDS),
        ],
        ("instance", "version"),
    )
    yield sheet(
        "Keys that expire within 14 days",
        "By team; `tollhouse key list --expiring 14d` names them.",
        [("max by (team) (tollhouse_keys_expiring)", "keys", COUNT)],
        ("team",),
    )


def operations() -> dashboard.Dashboard:
    """The dashboard."""
    made = board("Tollhouse: Operations", "tollhouse-operations", "Traffic, latency, store, holds and lag.", "now-3h")
    for panel in (*_figures(), *_traffic(), *_inside(), *_bars(), *_sheets()):
        made = made.with_panel(panel)
    return made
