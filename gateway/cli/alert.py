"""`tollhouse alert`: thresholds of limits that were reached, through the control plane."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask

_COLUMNS: Final = ("at", "team", "limit", "scope", "threshold", "ceiling", "posted", "held", "resets_at")


@click.group()
def alert() -> None:
    """See which limits have reached a threshold."""


@alert.command(name="list")
@click.option("--team", help="Only those of this team's limits.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(team: str | None, limit: int, as_json: bool) -> None:
    """List the newest, each with how the limit stood. `tollhouse webhook list` says who was told.

    \b
    tollhouse alert list --team video
    """
    document = ask("GET", "/admin/v1/alerts", query={"limit": str(limit), **({"team": team} if team else {})})
    click.echo(json.dumps(document) if as_json else _table(document["alerts"]))


def _table(alerts: list[Mapping[str, Any]]) -> str:
    if not alerts:
        return "There are no alerts."
    # A key's alert is told apart by its key; the organization's limits are no team's.
    rows = [_COLUMNS, *(tuple(_text(one, name) for name in _COLUMNS) for one in alerts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _text(alert: Mapping[str, Any], name: str) -> str:
    if name == "scope" and alert["key"] is not None:
        return str(alert["key"])
    return "-" if alert[name] is None else str(alert[name])
