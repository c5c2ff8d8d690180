"""`tollhouse key`: virtual keys, through the control plane."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from gateway.adapters.system import SystemClock
from gateway.cli.control import ask
from gateway.core.principal import Scope

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_AFTER = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[dh])", re.ASCII)

_KEY_ID: Final = click.argument("key_id", metavar="ID")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def key() -> None:
    """Issue, list, show and revoke the keys that teams use."""


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
    issued = ask("POST", "/admin/v1/keys", body)
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
    """List keys, the oldest first, revoked and expired ones too."""
    _print(ask("GET", "/admin/v1/keys", query={"team": team} if team else None), as_json, _table)


@key.command()
@_KEY_ID
@_JSON
def show(key_id: str, as_json: bool) -> None:
    """Show one key, without its secret."""
    _print(ask("GET", f"/admin/v1/keys/{_checked(key_id)}"), as_json, _facts)


@key.command()
@_KEY_ID
@_JSON
def revoke(key_id: str, as_json: bool) -> None:
    """Make a key useless from the next request on. Jobs that run already are not touched."""
    _print(ask("POST", f"/admin/v1/keys/{_checked(key_id)}/revoke"), as_json, _facts)


def _checked(key_id: str) -> str:
    """An id is a part of a path here: what is none could name another one."""
    if not re.fullmatch(r"key_[0-9A-Za-z]{1,64}", key_id):
        raise click.BadParameter(f'"{key_id}" is not a key id such as key_4f9a', param_hint="ID")
    return key_id


def _print(document: dict[str, Any], as_json: bool, text: Callable[[Mapping[str, Any]], str]) -> None:
    click.echo(json.dumps(document) if as_json else text(document))


def _issued(key: Mapping[str, Any]) -> str:
    return f"{key['key']}\n{key['id']} of team {key['team']}. The key is not shown again."


def _table(document: Mapping[str, Any]) -> str:
    columns = ("id", "team", "name", "status", "last_four", "expires_at")
    rows = [columns, *(tuple(str(key[column] or "-") for column in columns) for key in document["keys"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


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
