"""`tollhouse store`: what is done to the store itself, without a gateway."""

import asyncio
import json
import sys

import click

from gateway.cli.control import FAILURE, USAGE, fail, settings
from gateway.wiring import CannotStart, Initialised, init_store


@click.group()
def store() -> None:
    """Begin a store."""


@store.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def init(yes: bool, as_json: bool) -> None:
    """Make the empty store of the settings one of the organization in the policies directory, and apply these.

    A gateway that has used a store before never does this by itself: an emptied store looks like a fresh one, and
    would give every budget out again. Restore the store instead, if there is a copy. Gateways that run, or start
    later, replay what they know was accepted before any hold is made.

    \b
    tollhouse store init
    """
    known = settings()
    if not yes:
        if not sys.stdin.isatty():
            fail(USAGE, "Nobody is there to ask. Say --yes if the store is to be begun anew.")
        click.confirm(
            f"Begin {_place(known.embedded)} anew? What an earlier one knew stays lost.", abort=True, err=True
        )
    try:
        done = asyncio.run(init_store(known))
    except CannotStart as error:
        fail(FAILURE, *str(error).splitlines())
    click.echo(json.dumps(_document(done)) if as_json else _told(done, known.embedded))


def _place(embedded: bool) -> str:
    return "the embedded store" if embedded else "the store at TOLLHOUSE_REDIS_URL"


def _document(done: Initialised) -> dict[str, object]:
    return {
        "organization": done.organization,
        "epoch": done.epoch,
        "policies": str(done.policies),
        "version": done.version,
        "teams": done.teams,
        "forgotten": done.forgotten,
    }


def _told(done: Initialised, embedded: bool) -> str:
    place = _place(embedded)
    lines = [
        f'{place[0].upper()}{place[1:]} is that of organization "{done.organization}" now, in epoch {done.epoch}.',
        f"The policies in {done.policies} are live: version {done.version}, teams {', '.join(done.teams) or 'none'}.",
    ]
    if done.forgotten is not None:
        lines.append(f"This gateway remembers epoch {done.forgotten}: it replays what it knows when it runs.")
    return "\n".join([*lines, "It has no keys. Issue them: tollhouse key issue --team TEAM --name NAME"])
