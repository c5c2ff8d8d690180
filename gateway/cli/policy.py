"""`tollhouse policy`: check policy files offline, make them live, show what is live."""

import json
from pathlib import Path

import click

from gateway.adapters.policy_files import Directory, load, read_directory
from gateway.cli.control import FAILURE, ask, fail, place, settings
from gateway.core.plan import Rules
from gateway.wiring import packaged_policies

_DIRECTORY = click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def policy() -> None:
    """Check, apply and show policies and prices.

    DIR is a directory of policy files. Default: TOLLHOUSE_POLICIES, else ./policies, else the packaged one.
    """


@policy.command()
@_DIRECTORY
@_JSON
def check(directory: Path | None, as_json: bool) -> None:
    """Name every mistake in the files, with its file and key. Needs no gateway."""
    found = _read(directory)
    compiled = load(found.files, found.complaints, settings().webhook_allow_hosts)
    version = compiled.version if isinstance(compiled, Rules) else None
    complaints = () if isinstance(compiled, Rules) else compiled
    if as_json:
        listed = [{"file": one.file, "key": one.key, "message": one.message} for one in complaints]
        click.echo(json.dumps({"version": version, "complaints": listed}))
    if complaints:
        fail(FAILURE, *(str(one) for one in complaints))
    if not as_json:
        click.echo(f"{len(found.files)} files are fine: version {version}")


@policy.command()
@_DIRECTORY
@click.option("--remove-team", "remove_teams", multiple=True, metavar="TEAM", help="A team that shall go; repeatable.")
@click.option(
    "--reset", "reset", multiple=True, metavar="TEAM/LIMIT", help="A limit that may start at zero; repeatable."
)
@_JSON
def apply(directory: Path | None, remove_teams: tuple[str, ...], reset: tuple[str, ...], as_json: bool) -> None:
    """Make the files live, all or none. Gateways use them from the next request on."""
    found = _read(directory)
    if found.complaints and isinstance(compiled := load(found.files, found.complaints), tuple):
        fail(FAILURE, *(str(one) for one in compiled))
    change = {"files": found.files, "remove_teams": remove_teams, "reset": reset}
    applied = ask("POST", "/admin/v1/policies/apply", change)
    said = "is live now" if applied["changed"] else "was live already"
    click.echo(json.dumps(applied) if as_json else f"version {applied['version']} {said}")


@policy.command()
@_JSON
def show(as_json: bool) -> None:
    """Show the version that is live, and its files."""
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
            click.echo(place(one["file"], one["key"], one["message"]), err=True)


def _read(directory: Path | None) -> Directory:
    return read_directory(directory or settings().policies or packaged_policies())
