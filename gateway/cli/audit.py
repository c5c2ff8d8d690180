"""`tollhouse audit`: every change that was asked for, through the control plane."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask
from gateway.cli.table import table

_COLUMNS: Final = ("at", "by", "from", "action", "subject", "team", "outcome", "reason", "change")


@click.group()
def audit() -> None:
    """Read what was changed: who, when, from where, what before and after, and why."""


@audit.command(name="list")
@click.option("--action", help="Only these, such as key.issue.")
@click.option("--by", help="Only those of this name.")
@click.option("--before", help="Only those begun before this instant, such as 2026-12-01T00:00:00Z.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with all that was asked.")
def list_(action: str | None, by: str | None, before: str | None, limit: int, as_json: bool) -> None:
    """List changes, the newest first. The list is a second behind.

    \b
    tollhouse audit list --action key.revoke --by ada
    """
    wanted = {"action": action, "by": by, "before": before, "limit": str(limit)}
    document = ask("GET", "/admin/v1/audit", query={name: text for name, text in wanted.items() if text is not None})
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(table(_COLUMNS, [_row(record) for record in document["records"]]))
    if document["next_before"] is not None:
        click.echo(f"There may be more: --before {document['next_before']}", err=True)


def _row(record: Mapping[str, Any]) -> tuple[object, ...]:
    named = ("at", "by", "source", "action", "subject", "team", "outcome", "reason")
    return (*(record[name] for name in named), _change(record["before"], record["after"]))


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What is another than before, on one line; of what is new, whatever there is to say."""
    changed = {name: value for name, value in after.items() if (before.get(name) or None) != (value or None)}
    return ", ".join(_named(name, before.get(name), value) for name, value in changed.items())


def _named(name: str, was: object, value: object) -> str:
    return f"{name}: {_told(was)} -> {_told(value)}" if was else f"{name}: {_told(value)}"


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
