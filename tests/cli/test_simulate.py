"""`tollhouse policy simulate` against pasts that were lived on a real store: what happened, and what would have."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.sql.engine import open_reader
from gateway.adapters.sql.recordings import Recordings
from gateway.core.durations import durations
from gateway.core.ending import Completed
from tests.cli.run import Tollhouse
from tests.service.past import START, Fate, crowd, fates, live, orders
from tests.walkthrough.policies import budget, in_flight, organization, quota, rate, team, write

SINCE, UNTIL = START - timedelta(days=1), START + timedelta(days=10)


def policies(factor: float = 1.0) -> list[dict[str, str]]:
    """Limits of every kind; the ceiling of the team's day is a multiple of what it is."""
    video = team(
        budget(f"{12 * factor:.2f}", "day", "day"),
        budget("9.00", "hour", "hour", per="key"),
        quota("seconds", 200, window="day"),
        budget("1.00", "look", "hour", mode="shadow"),
        in_flight(16),
        rate(6, "minute", burst=2),
    )
    audio = team(budget("10.00", "day", "day"), quota("jobs", 60, window="day"), in_flight(12), slug="audio")
    return [organization(budget("21.00", "all", "day")), video, audio]


async def simulated(
    root: Path, url: str, proposed: list[dict[str, str]], baseline: list[dict[str, str]]
) -> tuple[dict[str, object], list[dict[str, str]]]:
    """The document, and the rows of the jobs."""
    for name, files in (("proposed", proposed), ("baseline", baseline)):
        write(root / name, {path: text for each in files for path, text in each.items()})
    words = ["--since", SINCE.isoformat(), "--until", UNTIL.isoformat(), "--baseline", str(root / "baseline")]
    words += ["--jobs", str(root / "jobs.csv"), "--json", str(root / "proposed")]
    ran = await Tollhouse()("policy", "simulate", *words, env={"TOLLHOUSE_DATABASE_URL": url})
    assert (ran.exit_code, ran.stderr) == (0, "")
    with (root / "jobs.csv").open(newline="") as file:
        return json.loads(ran.stdout), sorted(csv.DictReader(file), key=lambda row: row["at"])


def came_to(rows: list[dict[str, str]], world: str) -> list[tuple[str, str, str] | None]:
    found = [(row[world], row[world + "_scope"], row[world + "_limit"]) for row in rows]
    return [None if one[0] == "admitted" else one for one in found]


@pytest.mark.parametrize(("seed", "dearer"), [(1, False), (2, True)])
async def test_under_the_policies_of_the_time_it_is_what_happened(
    store: Store, tmp_path: Path, seed: int, dearer: bool
) -> None:
    lived = await live(store, tmp_path, orders(seed, 300, dearer=dearer), *policies())
    document, rows = await simulated(tmp_path, lived.url, policies(), policies())
    assert len(set(lived.came_to)) > 4
    for world in ("happened", "live", "proposed"):
        assert came_to(rows, world) == lived.came_to
    assert document["changed"] == {"live": 0, "proposed": 0}
    for one in document["teams"]:
        assert one["happened"] == one["live"] == one["proposed"]


async def test_half_a_ceiling_refuses_what_it_refuses_when_it_is_lived_again(store: Store, tmp_path: Path) -> None:
    past = orders(3, 300)
    lived = await live(store, tmp_path, past, *policies())
    _, rows = await simulated(tmp_path, lived.url, policies(0.5), policies())
    recordings = Recordings(open_reader(lived.url))
    lasting = durations(recordings.ended(SINCE, UNTIL))
    recordings.close()

    # What was refused has no life that anybody knows: it gets the one that is documented.
    supposed = {
        place: Fate(ends=((lasting.of(past[place].model), Completed()),))
        for place, refused in enumerate(lived.came_to)
        if refused is not None
    }
    (tmp_path / "again").mkdir()
    again = await live(store, tmp_path / "again", fates(past, supposed), *policies(0.5))
    assert came_to(rows, "proposed") == again.came_to
    assert came_to(rows, "live") == lived.came_to
    newly = [(one, other) for one, other in zip(lived.came_to, again.came_to, strict=True) if one != other]
    assert len([one for one, other in newly if one is None]) > 10
    assert [one for one, other in newly if other is None] != []


async def test_what_came_at_once_was_decided_in_the_order_in_which_the_store_decided_it(
    store: Store, tmp_path: Path
) -> None:
    audio = team(budget("15.00"), rate(120, "minute", burst=20), slug="audio")
    files = [team(budget("40.00"), quota("seconds", 200)), audio]
    url = await crowd(store, tmp_path, 300, *files)
    document, rows = await simulated(tmp_path, url, files, files)
    assert len({one["happened_limit"] for one in rows}) > 2
    assert came_to(rows, "live") == came_to(rows, "happened")
    assert document["changed"] == {"live": 0, "proposed": 0}
