"""`tollhouse policy simulate`: what proposed policies and prices would have made of what was recorded.

The rule of this file: it changes nothing anywhere. It reads policy files and the SQL ledger, and asks a gateway only
which policies are live.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from gateway.adapters.policy_files import load, read_directory
from gateway.adapters.sql.recordings import Range, Recordings
from gateway.adapters.system import SystemClock
from gateway.cli.control import FAILURE, USAGE, NoAdminKey, Unanswered, fail, settings, try_to_ask
from gateway.cli.job_rows import job_rows
from gateway.cli.moment import moment
from gateway.cli.simulated import headroom_rows, refusal_rows, shadow_rows, tables, team_rows
from gateway.core.durations import durations
from gateway.core.plan import Rules
from gateway.core.recorded import Recorded
from gateway.core.simulation import Simulation, world
from gateway.core.timestamp import timestamp
from gateway.ports import ArchiveRefused, ArchiveUnavailable
from gateway.wiring import CannotStart, open_recordings, packaged_policies

HAPPENED: Final = "happened"
_LIVE: Final = "live"
_PROPOSED: Final = "proposed"
_STEPS: Final = 1000

_DIRECTORY: Final = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("directory", metavar="[DIR]", required=False, type=_DIRECTORY)
@click.option("--since", default="30d", show_default=True, help="30d, 12h, a date or an instant (UTC).")
@click.option("--until", help="Likewise. Default: now.")
@click.option("--baseline", type=_DIRECTORY, help="Policies to compare with. Default: the live ones.")
@click.option("--team", help="Show only what concerns this team; limits of all teams count all the same.")
@click.option("--jobs", type=click.Path(dir_okay=False, path_type=Path), help="Write every job to this CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def simulate(
    directory: Path | None,
    since: str,
    until: str | None,
    baseline: Path | None,
    team: str | None,
    jobs: Path | None,
    as_json: bool,
) -> None:
    """Replay what was recorded under the policies and prices in DIR: who would have been refused, and by what.

    \b
    tollhouse policy simulate --since 30d policies
    tollhouse policy simulate --since 2026-11-01 --until 2026-12-01 --team video --jobs jobs.csv policies

    Reads the SQL ledger, and changes nothing. Beside the proposed policies it replays the live ones, if a gateway
    answers, or those of --baseline: what these come to differs from what happened if they were others then.
    """
    known = settings()
    now = SystemClock().now()
    begin, end = moment(since, now, "--since"), now if until is None else moment(until, now, "--until")
    if begin >= end:
        raise click.BadParameter("begins after --until", param_hint="--since")
    rules = {_PROPOSED: _read(directory or known.policies or packaged_policies())}
    compared = _live() if baseline is None else _read(baseline)
    if compared is not None:
        rules = {_LIVE: compared, **rules}
    organizations = {one.policies.organization.slug for one in rules.values()}
    if len(organizations) > 1:
        fail(USAGE, f"These are policies of two organizations: {', '.join(sorted(organizations))}.")
    try:
        with open_recordings(known) as recordings:
            document = _simulated(recordings, rules, begin, end, team, jobs)
    except (CannotStart, ArchiveRefused, ArchiveUnavailable, OSError) as error:
        fail(FAILURE, str(error))
    if as_json:
        click.echo(json.dumps(document))
        return
    for line in (*_heading(document), "", *tables(document, (HAPPENED, *rules))):
        click.echo(line)


def _read(directory: Path) -> Rules:
    found = read_directory(directory)
    compiled = load(found.files, found.complaints)
    if not isinstance(compiled, Rules):
        fail(FAILURE, *(f"{directory}: {one}" for one in compiled))
    return compiled


def _live() -> Rules | None:
    try:
        live = try_to_ask("GET", "/admin/v1/policies/live")
    except (Unanswered, NoAdminKey) as error:
        click.echo(f"{error} The live policies are left out; --baseline DIR names some to compare with.", err=True)
        return None
    compiled = load(live["files"])
    if not isinstance(compiled, Rules):
        click.echo("The live policies cannot be used by this program, and are left out.", err=True)
        return None
    return compiled


def _simulated(
    recordings: Recordings,
    rules: dict[str, Rules],
    since: datetime,
    until: datetime,
    team: str | None,
    jobs: Path | None,
) -> dict[str, Any]:
    within = recordings.within(since, until)
    opening, lasting = recordings.opening(since), durations(recordings.ended(since, until))
    simulation = Simulation(tuple([world(one, opening, lasting) for one in rules.values()]))
    with job_rows(jobs, tuple(rules)) as write, _progress(recordings.read(since, until), within.rows) as rows:
        for row in rows:
            for recorded in row:
                decided = simulation.tell(recorded)
                if decided is not None and team in (None, decided.asked.team):
                    write(decided)
    return _document(simulation, rules, within, team)


@contextmanager
def _progress(rows: Iterable[tuple[Recorded, ...]], count: int) -> Iterator[Iterable[tuple[Recorded, ...]]]:
    """The rows, and on a terminal a bar that goes along."""
    if not sys.stderr.isatty():
        yield rows
        return
    with click.progressbar(rows, length=count, label="Replaying", file=sys.stderr, update_min_steps=_STEPS) as bar:
        yield bar


def _document(simulation: Simulation, rules: dict[str, Rules], within: Range, team: str | None) -> dict[str, Any]:
    worlds = dict(zip(rules, simulation.worlds, strict=True))
    tallies = {HAPPENED: simulation.happened, **{name: one.tally for name, one in worlds.items()}}
    return {
        "since": timestamp(within.since),
        "until": timestamp(within.until),
        "recorded": {
            "first": None if within.first is None else timestamp(within.first),
            "last": None if within.last is None else timestamp(within.last),
            "rows": within.rows,
        },
        "versions": {name: one.version for name, one in rules.items()},
        "changed": {name: one.tally.changed for name, one in worlds.items()},
        "teams": team_rows(tallies, team),
        "refusals": refusal_rows(tallies, team),
        "shadow": shadow_rows(tallies, team),
        "headroom": headroom_rows(worlds[_PROPOSED].curves.days, team),
    }


def _heading(document: dict[str, Any]) -> Iterator[str]:
    recorded = document["recorded"]
    if recorded["first"] is None:
        yield f"Nothing is recorded from {document['since']} to {document['until']}."
        return
    rows = "1 entry or refusal" if recorded["rows"] == 1 else f"{recorded['rows']} entries and refusals"
    yield f"Recorded from {recorded['first']} to {recorded['last']}: {rows}."
    for name, version in document["versions"].items():
        changed = document["changed"][name]
        come = "1 job comes" if changed == 1 else f"{changed} jobs come"
        yield f"Under the {name} policies (version {version}), {come} to something else."
