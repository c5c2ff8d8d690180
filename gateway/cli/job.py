"""`tollhouse job`: what teams ran, and what became of its money, through the control plane."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask
from gateway.cli.table import table
from gateway.core.ending import JobStatus

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_COLUMNS: Final = ("job", "hold", "model", "status", "created_at", "ended_at")
_SHOWN: Final = (
    *("job", "hold", "team", "key", "model", "version", "state", "status", "created_at", "ended_at"),
    *("quoted_usd", "held_usd", "cost_usd", "refunded_usd", "policy", "rate_card", "request_id", "cause", "matched"),
)


@click.group()
def job() -> None:
    """List what teams ran, and explain what one job cost.

    \b
    tollhouse job list --team video
    tollhouse job show job_4f9a
    """


@job.command(name="list")
@click.option("--team", required=True, help="Whose jobs.")
@click.option("--status", type=click.Choice([status.value for status in JobStatus]), help="Only those in this status.")
@click.option("--model", help="Only those of this model.")
@click.option("--test", is_flag=True, help="Those of the team's test keys.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="So many at most.")
@click.option("--cursor", help="Go on where a page ended.")
@_JSON
def list_(
    team: str, status: str | None, model: str | None, test: bool, limit: int, cursor: str | None, as_json: bool
) -> None:
    """List a team's jobs, the newest first, as last learnt.

    \b
    tollhouse job list --team video
    """
    wanted = {"team": team, "status": status, "model": model, "cursor": cursor, "limit": str(limit)}
    query = {name: text for name, text in wanted.items() if text is not None} | ({"test": "true"} if test else {})
    document = ask("GET", "/admin/v1/jobs", query=query)
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(table(_COLUMNS, [[row[column] for column in _COLUMNS] for row in document["jobs"]]))
    if document["next_cursor"] is not None:
        click.echo(f"There are more: --cursor {document['next_cursor']}", err=True)


@job.command()
@click.argument("name", metavar="JOB")
@_JSON
def show(name: str, as_json: bool) -> None:
    """Explain one job, by its id or its hold's: the price, the accounts, and every entry of the ledger.

    \b
    tollhouse job show job_81f0
    """
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", name):
        raise click.BadParameter(f'"{name}" is not the id of a job or of a hold', param_hint="JOB")
    found = ask("GET", f"/admin/v1/jobs/{name}")
    click.echo(json.dumps(found) if as_json else _told(found))


def _told(found: Mapping[str, Any]) -> str:
    facts = table(("what", "is"), [(name, found[name]) for name in _SHOWN])
    factors = table(("factor", "option", "times"), [tuple(one.values()) for one in found["factors"]])
    accounts = table(("account", "meter", "amount"), [tuple(one.values()) for one in found["accounts"]])
    entries = table(
        ("seq", "entry", "at", "account", "posted", "held"), [row for one in found["entries"] for row in _rows(one)]
    )
    return "\n\n".join((facts, factors, accounts, entries))


def _rows(entry: Mapping[str, Any]) -> list[tuple[object, ...]]:
    head = (entry["seq"], entry["kind"], entry["at"])
    moves = [(one["account"], f"{one['posted']:+d}", f"{one['held']:+d}") for one in entry["moves"]]
    return [(*head, *move) for move in moves] or [(*head, None, None, None)]
