"""`tollhouse team`: the secrets by which teams verify our webhooks, through the control plane."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask

_TEAM: Final = click.argument("team", metavar="TEAM")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def team() -> None:
    """Show and exchange what belongs to a team."""


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
