"""`tollhouse team`: what teams may spend and have spent, and the secrets by which they verify our webhooks."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask
from gateway.cli.table import table

_TEAM: Final = click.argument("team", metavar="TEAM")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

_LIMIT: Final = ("name", "meter", "window", "ceiling", "posted", "held", "headroom")


@click.group()
def team() -> None:
    """List teams with what is left to them; show one; exchange its secret."""


@team.command(name="list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="So many teams at most.")
@click.option("--cursor", help="Go on where a page ended.")
@_JSON
def list_(limit: int, cursor: str | None, as_json: bool) -> None:
    """List teams by name, with the limits that all their keys share, as they stand in this window.

    \b
    tollhouse team list
    """
    query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
    document = ask("GET", "/admin/v1/teams", query=query)
    if as_json:
        click.echo(json.dumps(document))
        return
    rows = [(one, limit) for one in document["teams"] for limit in one["limits"] or [dict.fromkeys(_LIMIT)]]
    columns = ("team", "owner", "cost_center", "limit", *_LIMIT[1:])
    cells = [[one["team"], one["owner"], one["cost_center"], *(limit[name] for name in _LIMIT)] for one, limit in rows]
    click.echo(table(columns, cells))
    if document["next_cursor"] is not None:
        click.echo(f"There are more: --cursor {document['next_cursor']}", err=True)


@team.command(name="show")
@_TEAM
@_JSON
def show_team(team: str, as_json: bool) -> None:
    """Show one team, and every limit that it is held to, the organization's too, as it stands in this window.

    Of a limit per key it is the key with the most on it. Where each rule stands: `policy show --effective TEAM`.

    \b
    tollhouse team show video
    """
    found = ask("GET", f"/admin/v1/teams/{_checked(team)}")
    if as_json:
        click.echo(json.dumps(found))
        return
    facts = [(name, found[name]) for name in ("team", "owner", "cost_center", "unlimited", "cost_per_job")]
    click.echo(table(("what", "is"), [*facts, ("models", " ".join(found["models"]))]))
    columns = ("scope", *_LIMIT, "mode", "resets_at", "key")
    click.echo("\n" + table(columns, [[limit[name] for name in columns] for limit in found["limits"]]))


@team.group()
def secret() -> None:
    """The secret by which a team verifies that a webhook is from this gateway."""


@secret.command()
@_TEAM
@_JSON
def show(team: str, as_json: bool) -> None:
    """Print the team's secret. It is made when somebody first asks for it.

    The organization has one as well, by its name: its own alerts are signed with it.

    \b
    tollhouse team secret show video
    """
    _print(ask("GET", f"/admin/v1/teams/{_checked(team)}/secret"), as_json)


@secret.command()
@_TEAM
@click.option("--reason", help="Why; it stands in the audit trail.")
@_JSON
def rotate(team: str, reason: str | None, as_json: bool) -> None:
    """Give the team a new secret, and print it. What is sent from now on is signed with it.

    A receiver that does not know it yet refuses what comes; it is sent again for some minutes, and after that by
    `tollhouse webhook redeliver`.

    \b
    tollhouse team secret rotate video
    """
    _print(ask("POST", f"/admin/v1/teams/{_checked(team)}/secret/rotate", reason=reason), as_json)


def _checked(team: str) -> str:
    """A team is a part of a path here: what is none could name another one."""
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", team):
        raise click.BadParameter(f'"{team}" is not the name of a team', param_hint="TEAM")
    return team


def _print(document: Mapping[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(document) if as_json else document["secret"])
