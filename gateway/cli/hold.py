"""`tollhouse hold`: holds that need somebody, through the control plane."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from gateway.cli.control import ask
from gateway.core.hold_advice import capture_command

_HOLD_ID: Final = click.argument("hold_id", metavar="HOLD")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_AUTHOR: Final = click.option("--author", required=True, help="Who decides. It stands in the ledger.")
_REASON: Final = click.option("--reason", required=True, help="Why. It stands in the ledger.")


@click.group()
def hold() -> None:
    """See holds that are under way, in doubt or lost; decide one that nothing else decides."""


@hold.command(name="list")
@click.option("--in-doubt", "state", flag_value="in_doubt", help="Only those of which nobody knows what became.")
@click.option("--held", "state", flag_value="held", help="Only those whose submit is under way.")
@click.option("--lost", "state", flag_value="lost", help="Only those of whose job nobody knows the end.")
@click.option("--team", help="Only this team's.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="So many at most.")
@click.option("--cursor", help="Go on where a page ended.")
@click.option("--all", "every", is_flag=True, help="All of them, page by page of so many.")
@_JSON
def list_(state: str | None, team: str | None, limit: int, cursor: str | None, every: bool, as_json: bool) -> None:
    """List holds that may need somebody, the longest in doubt first: with the jobs each may have made, and the
    commands that decide it.

    \b
    tollhouse hold list --in-doubt
    """
    wanted = {"state": state, "team": team, "limit": str(limit)}
    query = {name: text for name, text in wanted.items() if text is not None}
    document = _page(query, cursor)
    while every and document["next_cursor"] is not None:
        following = _page(query, document["next_cursor"])
        document = {**following, "holds": document["holds"] + following["holds"]}
    if as_json:
        click.echo(json.dumps(document))
        return
    more, lines = document["next_cursor"], [line for one in document["holds"] for line in _told(one)]
    if lines or more is None:
        click.echo("\n".join(lines) or "There are none.")
    if more is not None:
        click.echo(f"There may be more: --cursor {more}, or --all", err=True)


@hold.command()
@_HOLD_ID
@_JSON
def show(hold_id: str, as_json: bool) -> None:
    """Show one hold; of one in doubt also the jobs it may have made, and the commands that decide it.

    \b
    tollhouse hold show hold_5d1e
    """
    document = ask("GET", f"/admin/v1/holds/{_checked(hold_id)}")
    click.echo(json.dumps(document) if as_json else "\n".join((*_facts(document), *_doubt(document))))


@hold.command()
@_HOLD_ID
@click.option("--job", required=True, help="The job at the upstream that this hold paid for.")
@click.option("--cost", help="What the upstream charged, in USD, such as 0.35. Default: what was held.")
@_AUTHOR
@_REASON
@_JSON
def capture(hold_id: str, job: str, cost: str | None, author: str, reason: str, as_json: bool) -> None:
    """Book a job for a hold in doubt: the upstream took it. A hold that was voided is booked as well.

    \b
    tollhouse hold capture hold_5d1e --job job_81f0 --author ada --reason "seen in the console"
    """
    body = {"job": job, "author": author, "reason": reason} | ({} if cost is None else {"cost_usd": cost})
    document = ask("POST", f"/admin/v1/holds/{_checked(hold_id)}/capture", body)
    told = f"Hold {document['id']} is captured: job {document['job']}, {document['cost_usd']} USD."
    click.echo(json.dumps(document) if as_json else told)


@hold.command()
@_HOLD_ID
@_AUTHOR
@_REASON
@_JSON
def void(hold_id: str, author: str, reason: str, as_json: bool) -> None:
    """Release a hold in doubt: the upstream certainly never took it.

    \b
    tollhouse hold void hold_5d1e --author ada --reason "the provider says no"
    """
    document = ask("POST", f"/admin/v1/holds/{_checked(hold_id)}/void", {"author": author, "reason": reason})
    told = f"Hold {document['id']} is voided; {document['held_usd']} USD are free again."
    click.echo(json.dumps(document) if as_json else told)


def _page(query: Mapping[str, str], cursor: str | None) -> dict[str, Any]:
    return ask("GET", "/admin/v1/holds", query={**query, **({} if cursor is None else {"cursor": cursor})})


def _checked(hold_id: str) -> str:
    """An id is a part of a path here: what is none could name another one."""
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,100}", hold_id):
        raise click.BadParameter(f'"{hold_id}" is not a hold id such as hold_4f9a', param_hint="HOLD")
    return hold_id


def _told(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['id']}  {one['state']}  {one['created_at']}  {one['team']}  {one['model']}  {one['held_usd']} USD"
    if one["state"] == "in_doubt":
        yield f"  {one['cause'] or 'nobody said why'}; {_candidates(one['candidates'])}"
        yield from (f"  {line}" for line in _commands(one))


def _candidates(jobs: list[Mapping[str, Any]] | None) -> str:
    if jobs is None:
        return "the list of jobs does not say"
    return "no job could be its" if not jobs else f"may be {', '.join(job['job'] for job in jobs)}"


def _facts(document: Mapping[str, Any]) -> Iterator[str]:
    plain = {name: value for name, value in document.items() if name not in ("candidates", "void")}
    width = max(map(len, plain))
    yield from (f"{name:{width}}  {'-' if value is None else value}" for name, value in plain.items())


def _doubt(document: Mapping[str, Any]) -> Iterator[str]:
    if document["state"] == "in_doubt":
        yield from ("", f"In doubt: {_candidates(document['candidates'])}.", *_commands(document))


def _commands(document: Mapping[str, Any]) -> Iterator[str]:
    """What decides a hold in doubt. Where no job is listed, its name is known to whoever has seen it."""
    for job in document["candidates"] or ():
        yield f"If {job['job']} is its job, run: {job['capture']}"
    if not document["candidates"]:
        yield f"If the upstream took it, run: {capture_command(document['id'], 'JOB')}"
    yield f"If the upstream certainly did not take it, run: {document['void']}"
