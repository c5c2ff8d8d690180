"""`tollhouse webhook`: what clients and teams were told, and will be, through the control plane."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask
from gateway.cli.table import table
from gateway.core.delivery import DeliveryState

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def webhook() -> None:
    """List what clients and teams are told: ends of jobs, and alerts of limits; and tell it again."""


@webhook.command(name="list")
@click.option("--team", help="Only this team's.")
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="So many at most.")
@_JSON
def list_(team: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List the newest, with what came of each attempt. They are kept for three days.

    \b
    tollhouse webhook list --state failed
    """
    query = {"limit": str(limit), **({"team": team} if team else {}), **({"state": state} if state else {})}
    document = ask("GET", "/admin/v1/webhooks", query=query)
    click.echo(json.dumps(document) if as_json else _table(document["webhooks"]))


@webhook.command()
@click.argument("event_id", metavar="ID")
@_JSON
def redeliver(event_id: str, as_json: bool) -> None:
    """Send one again, at once, whatever came of it before. Receivers know it by its id, which stays.

    \b
    tollhouse webhook redeliver evt_4f9a
    """
    if not re.fullmatch(r"evt_[0-9A-Za-z]{1,64}", event_id):
        raise click.BadParameter(f'"{event_id}" is not the id of a webhook, such as evt_4f9a', param_hint="ID")
    document = ask("POST", f"/admin/v1/webhooks/{event_id}/redeliver")
    click.echo(json.dumps(document) if as_json else f"{event_id} is sent again.")


def _table(webhooks: list[Mapping[str, Any]]) -> str:
    if not webhooks:
        return "There are no webhooks."
    return table(("id", "team", "job", "host", "state", "attempts", "last"), [_row(one) for one in webhooks])


def _row(webhook: Mapping[str, Any]) -> tuple[str, ...]:
    attempts = webhook["attempts"]
    named = tuple(str(webhook[name] or "-") for name in ("id", "team", "job", "host", "state"))
    return (*named, str(len(attempts)), attempts[0]["result"] if attempts else "-")
