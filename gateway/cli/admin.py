"""`tollhouse admin`: admin keys, through the control plane."""

import json
import re
from typing import Final

import click

from gateway.adapters.system import SystemClock
from gateway.cli.control import ask
from gateway.cli.key import expires_at
from gateway.cli.table import table
from gateway.core.role import Role

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_REASON: Final = click.option("--reason", help="Why; it stands in the audit trail.")
_COLUMNS: Final = ("id", "name", "role", "team", "last_four", "expires_at", "revoked_at")


@click.group()
def admin() -> None:
    """Issue, list and revoke the keys of those who administer.

    \b
    tollhouse admin issue --name ada --role operator
    """


@admin.command()
@click.option("--name", required=True, help="Whose key it is, 1 to 100 characters.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What they may do.")
@click.option("--team", help="The team that a team-lead leads.")
@click.option("--expires", help="90d, 12h, a date (until it begins, UTC) or an instant. Default: never.")
@_REASON
@_JSON
def issue(name: str, role: str, team: str | None, expires: str | None, reason: str | None, as_json: bool) -> None:
    """Make an admin key and print it. It is shown this once and kept nowhere.

    \b
    tollhouse admin issue --name ada --role operator --expires 90d
    tollhouse admin issue --name lea --role team-lead --team video
    """
    until = None if expires is None else expires_at(expires, SystemClock().now()).isoformat()
    body = {"name": name, "role": role, "team": team, "expires_at": until}
    issued = ask("POST", "/admin/v1/admin-keys", body, reason=reason)
    told = f"{issued['key']}\n{issued['id']} for {issued['name']}, {issued['role']}. The key is not shown again."
    click.echo(json.dumps(issued) if as_json else told)


@admin.command(name="list")
@_JSON
def list_(as_json: bool) -> None:
    """List admin keys, the oldest first, revoked ones too. That of the settings is not among them.

    \b
    tollhouse admin list
    """
    document = ask("GET", "/admin/v1/admin-keys")
    rows = [[key[column] for column in _COLUMNS] for key in document["admin_keys"]]
    click.echo(json.dumps(document) if as_json else table(_COLUMNS, rows))


@admin.command()
@click.argument("key_id", metavar="ID")
@_REASON
@_JSON
def revoke(key_id: str, reason: str | None, as_json: bool) -> None:
    """Make an admin key useless from the next request on.

    \b
    tollhouse admin revoke adm_4f9a --reason left
    """
    if not re.fullmatch(r"adm_[0-9A-Za-z]{1,64}", key_id):
        raise click.BadParameter(f'"{key_id}" is not the id of an admin key, such as adm_4f9a', param_hint="ID")
    revoked = ask("POST", f"/admin/v1/admin-keys/{key_id}/revoke", reason=reason)
    click.echo(json.dumps(revoked) if as_json else f"{key_id} of {revoked['name']} opens nothing any more.")
