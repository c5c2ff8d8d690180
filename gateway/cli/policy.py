"""`tollhouse policy`: check policy files offline, plan what they would do, make them live, show what is and was."""

import json
import re
from pathlib import Path
from typing import Any

import click

from gateway.adapters.policy_files import Directory, load, read_directory
from gateway.cli.control import FAILURE, ask, fail, place, settings
from gateway.cli.policy_text import effective_text, history_text, plan_text
from gateway.core.plan import Rules
from gateway.web.admin_errors import listed
from gateway.wiring import packaged_policies

_DIRECTORY = click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def _name(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    """A name that is part of an address."""
    if name is not None and not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", name):
        raise click.BadParameter(f'"{name}" is no such name: it has letters, digits, _ and -')
    return name


_VERSION = click.option(
    "--version", metavar="VERSION", callback=_name, help="Not a directory: a version that was live before."
)


@click.group()
def policy() -> None:
    """Check, apply and show policies and prices.

    DIR is a directory of policy files. Default: TOLLHOUSE_POLICIES, else ./policies, else the packaged one.
    """


@policy.command()
@_DIRECTORY
@_JSON
def check(directory: Path | None, as_json: bool) -> None:
    """Name every mistake in the files, with its file, line and key. Needs no gateway.

    \b
    tollhouse policy check policies
    """
    found = _read(directory)
    compiled = load(found.files, found.complaints, settings().webhook_allow_hosts)
    version = compiled.version if isinstance(compiled, Rules) else None
    complaints = () if isinstance(compiled, Rules) else compiled
    if as_json:
        click.echo(json.dumps({"version": version, "complaints": listed(complaints)}))
    if complaints:
        fail(FAILURE, *map(place, listed(complaints)))
    if not as_json:
        click.echo(f"{len(found.files)} files are fine: version {version}")


@policy.command()
@_DIRECTORY
@_VERSION
@_JSON
def plan(directory: Path | None, version: str | None, as_json: bool) -> None:
    """Say what applying the files would change, in money and keys, and what `apply` must be given. Changes nothing.

    \b
    tollhouse policy plan policies
    tollhouse policy plan --version 4be3a6d1f0c2b597
    """
    planned = ask("POST", "/admin/v1/policies/plan", _wanted(directory, version))
    source = ("--version", version) if version else (() if directory is None else (str(directory),))
    click.echo(json.dumps(planned) if as_json else plan_text(planned, source))


@policy.command()
@_DIRECTORY
@_VERSION
@click.option("--expect", metavar="LIVE", help="Only if this version is live still, as `plan` said (or none).")
@click.option("--remove-team", "remove_teams", multiple=True, metavar="TEAM", help="A team that shall go; repeatable.")
@click.option(
    "--reset", "reset", multiple=True, metavar="TEAM/LIMIT", help="A limit that may start at zero; repeatable."
)
@click.option("--author", help="Who says so. Default: the name of the admin key.")
@click.option("--message", help="What for. It stands in the history and in the audit trail.")
@_JSON
def apply(directory: Path | None, version: str | None, as_json: bool, **given: Any) -> None:
    """Make the files live, all or none. Gateways use them from the next request on.

    \b
    tollhouse policy apply policies --expect 4be3a6d1f0c2b597 --message "more for video"
    tollhouse policy apply --version 4be3a6d1f0c2b597 --message "back to what was"
    """
    change = {**_wanted(directory, version), **{name: one for name, one in given.items() if one is not None}}
    applied = ask("POST", "/admin/v1/policies/apply", change)
    said = "is live now" if applied["changed"] else "was live already"
    click.echo(json.dumps(applied) if as_json else f"version {applied['version']} {said}")


@policy.command(name="list")
@_JSON
def list_(as_json: bool) -> None:
    """List what was live when, the newest first, with who applied it and what for.

    \b
    tollhouse policy list
    """
    history = ask("GET", "/admin/v1/policies/versions")
    click.echo(json.dumps(history) if as_json else history_text(history))


@policy.command()
@click.option("--version", metavar="VERSION", callback=_name, help="One that was live before, and its files.")
@click.option(
    "--effective", "team", metavar="TEAM", callback=_name, help="All that a team is held to, whoever says so."
)
@_JSON
def show(version: str | None, team: str | None, as_json: bool) -> None:
    """Show the version that is live and its files, an older one, or all that one team is held to.

    \b
    tollhouse policy show --effective video
    """
    if version and team:
        raise click.UsageError("--version and --effective do not go together: what a team is held to is live")
    if team:
        shown = ask("GET", f"/admin/v1/policies/effective/{team}")
        click.echo(json.dumps(shown) if as_json else effective_text(shown))
    elif version:
        stored = ask("GET", f"/admin/v1/policies/versions/{version}")
        files = (f"# {file}\n{text}" for file, text in sorted(stored["files"].items()))
        click.echo(json.dumps(stored) if as_json else "\n".join(files))
    else:
        _show_live(as_json)


def _show_live(as_json: bool) -> None:
    live = ask("GET", "/admin/v1/policies/live")
    if as_json:
        click.echo(json.dumps(live))
        return
    click.echo(f"version       {live['version']}")
    click.echo(f"organization  {live['organization']}")
    click.echo(f"teams         {', '.join(live['teams'])}")
    click.echo(f"files         {', '.join(sorted(live['files']))}")
    if live["used"] != live["version"]:
        click.echo(f"this gateway cannot use it and stays with {live['used']}:", err=True)
        for one in live["complaints"]:
            click.echo(place(one), err=True)


def _wanted(directory: Path | None, version: str | None) -> dict[str, object]:
    """The files of the directory, or the version that has them; the end of the program if files cannot be read."""
    if version is not None:
        if directory is not None:
            raise click.UsageError("DIR and --version do not go together")
        return {"version": version}
    found = _read(directory)
    if found.complaints and isinstance(compiled := load(found.files, found.complaints), tuple):
        fail(FAILURE, *map(place, listed(compiled)))
    return {"files": found.files}


def _read(directory: Path | None) -> Directory:
    return read_directory(directory or settings().policies or packaged_policies())
