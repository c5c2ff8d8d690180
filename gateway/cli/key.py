"""`tollhouse key`: virtual keys, through the control plane."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from gateway.adapters.system import SystemClock
from gateway.cli.control import ask
from gateway.cli.moment import moment
from gateway.cli.table import table
from gateway.core.key_list import DEFAULT_LIMIT, MOST, KeyStatus
from gateway.core.principal import Scope

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_AFTER = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[dh])", re.ASCII)

_KEY_ID: Final = click.argument("key_id", metavar="ID")
_REASON: Final = click.option("--reason", help="Why; it stands in the audit trail.")
_COLUMNS: Final = ("id", "team", "name", "status", "last_four", "used_in", "expires_at")
_DAYS: Final = ("day", "jobs", "charged_usd", "refunded_usd", "held_usd")
_REFUSED: Final = ("code", "limit", "jobs", "usd")
_LIMITS: Final = ("name", "scope", "meter", "window", "ceiling", "posted", "held", "headroom", "resets_at")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def key() -> None:
    """Issue, list, show, rotate and revoke the keys that teams use, and see what they are used for."""


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
@click.option("--status", type=click.Choice([one.value for one in KeyStatus]), help="Only those that are this now.")
@click.option("--expiring", metavar="14d", help="Only usable ones that expire within this time: 14d, 12h.")
@click.option("--project", help="Only those of this project.")
@click.option("--test", is_flag=True, help="Only test keys.")
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=DEFAULT_LIMIT, show_default=True, help="At most so many."
)
@click.option("--cursor", help="Go on where a page ended.")
@_JSON
def list_(
    team: str | None,
    status: str | None,
    expiring: str | None,
    project: str | None,
    test: bool,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List keys, the oldest first, revoked and expired ones too.

    used_in is the hour in which a key was last used; a dash: never, as far as it is noted.

    \b
    tollhouse key list --team video
    tollhouse key list --expiring 14d
    """
    expires_by = None if expiring is None else (SystemClock().now() + _within(expiring)).isoformat()
    wanted = {"team": team, "status": status, "project": project, "expires_by": expires_by, "cursor": cursor}
    query = {name: text for name, text in wanted.items() if text is not None} | ({"test": "true"} if test else {})
    document = ask("GET", "/admin/v1/keys", query={**query, "limit": str(limit)})
    _print(document, as_json, _table)
    if not as_json and document["next_cursor"] is not None:
        click.echo(f"There are more: --cursor {document['next_cursor']}", err=True)


def _within(text: str) -> timedelta:
    after = _AFTER.fullmatch(text)
    if after is None:
        raise click.BadParameter(f'"{text}" is not 14d or 12h', param_hint="--expiring")
    return int(after["count"]) * _UNITS[after["unit"]]


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
@click.option("--since", default="30d", show_default=True, help="From when on: 30d, 12h, a date or an instant.")
@_JSON
def usage(key_id: str, since: str, as_json: bool) -> None:
    """What was run with a key, whichever of its secrets was used: jobs and money by day, and what was refused.

    A day has all the money of the jobs that were admitted on it (UTC), whenever it moved.

    \b
    tollhouse key usage key_4f9a --since 7d
    """
    query = {"since": moment(since, SystemClock().now(), "--since").isoformat()}
    _print(ask("GET", f"/admin/v1/keys/{_checked(key_id)}/usage", query=query), as_json, _usage)


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
    return _rows(_COLUMNS, document["keys"])


def _usage(document: Mapping[str, Any]) -> str:
    key, total = document["key"], {"day": "all", **document["total"]}
    head = f"{key['id']} ({key['name']}) of team {key['team']}, last used in the hour {_told(key['used_in'])}"
    parts = [head, f"From {document['since']} to {document['until']}:\n{_rows(_DAYS, [*document['days'], total])}"]
    parts += [f"Refused:\n{_rows(_REFUSED, document['refused'])}"] if document["refused"] else []
    parts += [f"Limits of this key alone:\n{_rows(_LIMITS, document['limits'])}"] if document["limits"] else []
    return "\n\n".join(parts)


def _rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    return table(columns, [[row[column] for column in columns] for row in rows])


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
