"""`tollhouse key`: virtual keys, through the control plane."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from gateway.adapters.system import SystemClock
from gateway.cli.control import ask
from gateway.cli.table import table
from gateway.core.principal import Scope

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_AFTER = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[dh])", re.ASCII)

_KEY_ID: Final = click.argument("key_id", metavar="ID")
_REASON: Final = click.option("--reason", help="Why; it stands in the audit trail.")
_COLUMNS: Final = ("id", "team", "name", "status", "last_four", "expires_at")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def key() -> None:
    """Issue, list, show, rotate and revoke the keys that teams use."""


@key.command()
@click.option("--team", required=True, help="The team that pays; its policy file must be live.")
@click.option("--name", required=True, help="What the key is for, 1 to 100 characters.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="Repeatable. Default: all.",
)
@click.option("--model", "models", multiple=True, help="Pattern of models it may run; repeatable. Default: the team's.")
@click.option("--ip", "networks", multiple=True, help="Address or CIDR it may be used from; repeatable. Default: any.")
@click.option("--expires", help="90d, 12h, a date (until it begins, UTC) or an instant. Default: never.")
@click.option("--test", is_flag=True, help="A key for the built-in sandbox, with accounts of its own.")
@click.option("--project", help="Whom to charge back to.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@_REASON
@_JSON
def issue(
    team: str,
    name: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    networks: tuple[str, ...],
    expires: str | None,
    test: bool,
    project: str | None,
    tags: tuple[str, ...],
    reason: str | None,
    as_json: bool,
) -> None:
    """Make a key and print it. It is shown this once and kept nowhere.

    \b
    tollhouse key issue --team video --name render-farm --expires 90d
    """
    body: dict[str, object] = {
        "team": team,
        "name": name,
        "models": models,
        "networks": networks,
        "expires_at": None if expires is None else expires_at(expires, SystemClock().now()).isoformat(),
        "test": test,
        "project": project,
        "tags": _tags(tags),
    }
    if scopes:
        body["scopes"] = scopes
    issued = ask("POST", "/admin/v1/keys", body, reason=reason)
    _print(issued, as_json, _issued)


def expires_at(text: str, now: datetime) -> datetime:
    """Read `90d`, `12h`, `2026-12-31` or `2026-12-31T18:00:00Z`; without a zone, UTC. Raises click.BadParameter."""
    try:
        if (after := _AFTER.fullmatch(text)) is not None:
            return now + int(after["count"]) * _UNITS[after["unit"]]
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f'"{text}" is not 90d, 12h or a date such as 2026-12-31', param_hint="--expires"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tags(pairs: tuple[str, ...]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals or name in tags:
            raise click.BadParameter(f'"{pair}" is not NAME=VALUE, or its name is given twice', param_hint="--tag")
        tags[name] = value
    return tags


@key.command(name="list")
@click.option("--team", help="Only this team's.")
@_JSON
def list_(team: str | None, as_json: bool) -> None:
    """List keys, the oldest first, revoked and expired ones too.

    \b
    tollhouse key list --team video
    """
    _print(ask("GET", "/admin/v1/keys", query={"team": team} if team else None), as_json, _table)


@key.command()
@_KEY_ID
@_JSON
def show(key_id: str, as_json: bool) -> None:
    """Show one key, without its secret.

    \b
    tollhouse key show key_4f9a
    """
    _print(ask("GET", f"/admin/v1/keys/{_checked(key_id)}"), as_json, _facts)


@key.command()
@_KEY_ID
@click.option(
    "--grace", default="24h", show_default=True, help="How long the old secret opens it still; 0: not at all."
)
@_REASON
@_JSON
def rotate(key_id: str, grace: str, reason: str | None, as_json: bool) -> None:
    """Give a key a new secret and print it: the key keeps its id, its limits and what it has spent.

    The secret that is replaced goes on working until the grace is over. One that was replaced before ends at once: if
    the new one never reached you, rotating again ends the one that clients still use.

    \b
    tollhouse key rotate key_4f9a --grace 24h
    """
    body = {"grace_seconds": _seconds(grace)}
    rotated = ask("POST", f"/admin/v1/keys/{_checked(key_id)}/rotate", body, reason=reason)
    _print(rotated, as_json, _rotated)


def _seconds(grace: str) -> int:
    after = _AFTER.fullmatch(grace)
    if grace != "0" and after is None:
        raise click.BadParameter(f'"{grace}" is not 24h, 7d or 0', param_hint="--grace")
    return 0 if after is None else int(after["count"]) * int(_UNITS[after["unit"]].total_seconds())


@key.command()
@_KEY_ID
@_REASON
@_JSON
def revoke(key_id: str, reason: str | None, as_json: bool) -> None:
    """Make a key useless from the next request on. Jobs that run already are not touched.

    \b
    tollhouse key revoke key_4f9a --reason "left the company"
    """
    _print(ask("POST", f"/admin/v1/keys/{_checked(key_id)}/revoke", reason=reason), as_json, _facts)


def _checked(key_id: str) -> str:
    """An id is a part of a path here: what is none could name another one."""
    if not re.fullmatch(r"key_[0-9A-Za-z]{1,64}", key_id):
        raise click.BadParameter(f'"{key_id}" is not a key id such as key_4f9a', param_hint="ID")
    return key_id


def _print(document: dict[str, Any], as_json: bool, text: Callable[[Mapping[str, Any]], str]) -> None:
    click.echo(json.dumps(document) if as_json else text(document))


def _issued(key: Mapping[str, Any]) -> str:
    return f"{key['key']}\n{key['id']} of team {key['team']}. The key is not shown again."


def _rotated(key: Mapping[str, Any]) -> str:
    old = key["previous"]
    return f"{_issued(key)}\nThe secret that ends in {old['last_four']} opens it until {old['until']}."


def _table(document: Mapping[str, Any]) -> str:
    return table(_COLUMNS, [[key[column] for column in _COLUMNS] for key in document["keys"]])


def _facts(key: Mapping[str, Any]) -> str:
    width = max(map(len, key))
    return "\n".join(f"{name:{width}}  {_told(value)}" for name, value in key.items())


def _told(value: object) -> str:
    match value:
        case list():
            return ", ".join(map(str, value)) or "-"
        case dict():
            return ", ".join(f"{name}={text}" for name, text in value.items()) or "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return "-" if value is None else str(value)
