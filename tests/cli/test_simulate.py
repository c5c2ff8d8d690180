"""`tollhouse policy simulate` against pasts that were lived on a real store: what happened, and what would have."""

import csv
import json
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from bench.history import write_history
from bench.simulation import write_policies
from gateway.adapters.redis.connection import Store
from gateway.adapters.sql.engine import open_reader, sqlite_url
from gateway.adapters.sql.recordings import Recordings
from gateway.core.durations import durations
from gateway.core.ending import Completed
from gateway.core.money import parse_usd
from tests.adapters.sql.databases import Reader
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
    past = orders(11, 300)
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


@pytest.fixture
async def ledger(tmp_path: Path) -> str:
    """2,000 submissions of three teams, made up."""
    rules = write_policies(tmp_path / "live", 3, "150.00")
    write_policies(tmp_path / "proposed", 3, "75.00")
    url = sqlite_url(tmp_path / "ledger.db")
    await write_history(url, rules, 2000)
    return url


async def run(root: Path, url: str, *words: str) -> Result:
    told = ("--since", "2026-11-01", "--until", "2026-12-02", "--baseline", str(root / "live"), *words)
    return await Tollhouse()("policy", "simulate", *told, str(root / "proposed"), env={"TOLLHOUSE_DATABASE_URL": url})


async def test_its_sums_are_those_of_plain_sql(tmp_path: Path, ledger: str) -> None:
    document = json.loads((await run(tmp_path, ledger, "--json")).stdout)
    reader = Reader(ledger)
    refused = dict(reader.rows("SELECT team, count(*) FROM refused_submissions GROUP BY 1"))
    admitted = dict(reader.rows("SELECT team, count(*) FROM ledger_entries WHERE kind = 'hold' GROUP BY 1"))
    accounts = reader.rows("SELECT account, posted FROM ledger_accounts WHERE account LIKE '%:monthly:usd:2026-1%'")
    reader.close()
    assert {row["team"]: row["live"]["refused"]["jobs"] for row in document["teams"]} == refused
    assert {row["team"]: row["live"]["admitted"]["jobs"] for row in document["teams"]} == admitted
    posted = Counter[str]()
    for account, amount in accounts:
        posted[str(account).split(":")[1]] += int(str(amount))
    assert {row["team"]: parse_usd(row["live"]["charged_usd"]) for row in document["teams"]} == posted
    assert document["changed"]["live"] == 0
    for row in document["teams"]:
        assert parse_usd(row["proposed"]["charged_usd"]) < parse_usd("80.00")
        assert row["proposed"]["newly_refused"]["jobs"] > 0
    curves = [row for row in document["headroom"] if row["limit"] == "monthly"]
    assert all(max(day["used"] for day in row["days"]) > 0.9 for row in curves)


async def test_it_is_told_in_tables_and_of_one_team_where_one_is_named(tmp_path: Path, ledger: str) -> None:
    said = (await run(tmp_path, ledger, "--team", "team-1", "--jobs", str(tmp_path / "jobs.csv"))).stdout
    for part in (
        "Under the live policies",
        "newly refused",
        "team-1  BUDGET_EXCEEDED  team monthly",
        "organization acme",
    ):
        assert part in said
    assert "team-0" not in said
    with (tmp_path / "jobs.csv").open(newline="") as file:
        assert {row["team"] for row in csv.DictReader(file)} == {"team-1"}


def shape(told: str) -> set[str]:
    """Sentences, and rows by their labels, whatever the figures are."""
    found: set[str] = set()
    for line in told.splitlines():
        plain = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+\d", "T", line)
        plain = re.sub(r"[\d.]*\d", "N", re.sub(r"\(version \w+\)", "(version V)", plain))
        if plain.endswith((":", ".")) or plain.startswith(" "):
            found.add(" ".join(plain.split()))
        elif " left on " in plain:
            found.add(plain[plain.rindex(" N of N left") :])
    return found


async def test_the_documented_sample_has_the_shape_of_what_is_told(tmp_path: Path, ledger: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "simulate.md").read_text(encoding="utf-8")
    command, _, sample = text.partition("```console\n")[2].partition("```")[0].partition("\n")
    assert command == "$ tollhouse policy simulate --since 30d policies"
    assert len(shape(sample)) > 9
    assert shape((await run(tmp_path, ledger)).stdout) == shape(sample)


async def test_one_of_a_kind_is_told_as_one(tmp_path: Path) -> None:
    rules = write_policies(tmp_path / "live", 1, "150.00")
    write_policies(tmp_path / "proposed", 1, "0.00")
    url = sqlite_url(tmp_path / "ledger.db")
    await write_history(url, rules, 1)
    said = (await run(tmp_path, url)).stdout
    assert ", 1 job comes to something else." in said
    assert re.search(r"newly refused +0 jobs 0.000000 +0 jobs 0.000000 +1 job \d", said)
    assert "1 jobs" not in said


async def test_without_a_gateway_what_happened_stands_alone_beside_the_proposed(tmp_path: Path, ledger: str) -> None:
    env = {"TOLLHOUSE_DATABASE_URL": ledger, "TOLLHOUSE_ADMIN_KEY": "k", "TOLLHOUSE_CONTROL_URL": "http://127.0.0.1:1"}
    words = ("--since", "2026-11-01", "--until", "2026-12-02", "--json", str(tmp_path / "live"))
    ran = await Tollhouse()("policy", "simulate", *words, env=env)
    assert ran.exit_code == 0
    assert "does not answer" in ran.stderr
    assert "--baseline" in ran.stderr
    document = json.loads(ran.stdout)
    assert (list(document["versions"]), document["changed"]) == (["proposed"], {"proposed": 0})


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--since", "soon"), 2, "is not 30d"),
        (("--since", "1d", "--until", "2d"), 2, "begins after --until"),
        ((), 1, "There is no SQL ledger"),
    ],
)
async def test_what_cannot_be_done_is_said(tmp_path: Path, words: tuple[str, ...], code: int, sentence: str) -> None:
    write(tmp_path / "policies", team())
    told = (*words, "--baseline", str(tmp_path / "policies"), str(tmp_path / "policies"))
    ran = await Tollhouse()("policy", "simulate", *told, env={"TOLLHOUSE_DATA_DIR": str(tmp_path)})
    assert ran.exit_code == code
    assert sentence in ran.stderr


async def test_nothing_recorded_is_said_too(tmp_path: Path, ledger: str) -> None:
    said = (await run(tmp_path, ledger, "--since", "2025-01-01", "--until", "2025-02-01")).stdout
    assert said.startswith("Nothing is recorded from 2025-01-01")
