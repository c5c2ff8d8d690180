"""`tollhouse hold` against a control plane: what it prints can be run, and what it runs is signed."""

import json
import re
import shlex
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.cli.run import Tollhouse
from tests.control import RunningControl, running_control
from tests.doubles import NOON

MODEL = "kling/kling-2.6-pro/text-to-video"
SIGNED = '--author NAME --reason "WHY"'


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    """Two holds in doubt; of one there is a job."""
    ledger = await open_ledger(store, timedelta(days=36_500))
    for name, model in (("hold_1", MODEL), ("hold_2", "google/veo-3.1-fast/text-to-video")):
        sent = NOON if name == "hold_1" else NOON + timedelta(seconds=1)
        asked = admission(
            name, demand(TEAM, 350_000, 10**9), model=model, created_at=sent, deadline=sent + timedelta(seconds=30)
        )
        await ledger.admit(asked, sent)
        await ledger.move(Verb.DOUBT, asked.hold, sent, facts={"cause": "no answer in time"})
    async with running_control(store) as plane:
        plane.provider.make("job_1", MODEL, NOON)
        yield plane


async def test_what_is_in_doubt_is_listed_with_what_it_may_be(plane: RunningControl) -> None:
    told = (await Tollhouse(plane)("hold", "list", "--in-doubt")).stdout.splitlines()
    assert told == [
        f"hold_1  in_doubt  2026-11-23T12:00:00Z  red  {MODEL}  0.350000 USD",
        "  no answer in time; may be job_1",
        f"  If job_1 is its job, run: tollhouse hold capture hold_1 --job job_1 {SIGNED}",
        f"  If the upstream certainly did not take it, run: tollhouse hold void hold_1 {SIGNED}",
        "hold_2  in_doubt  2026-11-23T12:00:01Z  red  google/veo-3.1-fast/text-to-video  0.350000 USD",
        "  no answer in time; no job could be its",
        f"  If the upstream took it, run: tollhouse hold capture hold_2 --job JOB {SIGNED}",
        f"  If the upstream certainly did not take it, run: tollhouse hold void hold_2 {SIGNED}",
    ]
    document = await Tollhouse(plane).document("hold", "list", "--in-doubt")
    assert [one["id"] for one in document["holds"]] == ["hold_1", "hold_2"]
    assert (await Tollhouse(plane)("hold", "list", "--lost")).stdout == "There are none.\n"


async def test_the_commands_that_are_shown_decide_the_hold(plane: RunningControl) -> None:
    tollhouse = Tollhouse(plane)
    capture, _ = commands((await tollhouse("hold", "show", "hold_1")).stdout)
    assert (await tollhouse(*capture)).stdout == "Hold hold_1 is captured: job job_1, 0.350000 USD.\n"

    _, void = commands((await tollhouse("hold", "show", "hold_2")).stdout)
    assert (await tollhouse(*void)).stdout == "Hold hold_2 is voided; 0.350000 USD are free again.\n"
    assert await tollhouse.document("hold", "list") == {"holds": [], "next_cursor": None}


async def test_a_cost_may_be_named(plane: RunningControl) -> None:
    signed = ("--author", "ada", "--reason", "invoice")
    told = await Tollhouse(plane).document("hold", "capture", "hold_1", "--job", "job_1", "--cost", "0.20", *signed)
    assert told["cost_usd"] == "0.200000"


async def test_exit_codes(plane: RunningControl) -> None:
    tollhouse, signed = Tollhouse(plane), ("--author", "ada", "--reason", "why")
    for arguments, code in (
        (("show", "hold_9"), 3),
        (("show", "../keys"), 2),
        (("void", "hold_1"), 2),
        (("void", "hold_1", "--author", "ada"), 2),
        (("capture", "hold_1", *signed), 2),
        (("void", "hold_1", *signed), 0),
        (("void", "hold_1", *signed), 1),
    ):
        assert (await tollhouse("hold", *arguments)).exit_code == code, arguments


async def holds_that_ail(plane: RunningControl) -> list[Mapping[str, str]]:
    """What the doctor says of holds. Other things may be wrong with a plane that has neither keys nor policies."""
    document = json.loads((await Tollhouse(plane)("doctor", "--json")).stdout)
    return [finding for finding in document["findings"] if finding["check"] == "holds"]


async def test_the_commands_of_the_doctor_clear_what_it_found(plane: RunningControl) -> None:
    """It says of each hold in doubt what may be run; as it stands, one of them clears it."""
    summary, first, _ = await holds_that_ail(plane)
    assert summary["sentence"].startswith("2 holds are in doubt")
    assert (await Tollhouse(plane)(*commands(summary["step"])[0])).exit_code == 0
    assert "It may have made job_1" in first["sentence"]
    capture, void = commands(first["step"])
    assert (await Tollhouse(plane)(*capture)).stdout.startswith("Hold hold_1 is captured: job job_1")

    summary, rest = await holds_that_ail(plane)
    assert summary["sentence"].startswith("1 hold is in doubt")
    assert "no job that could be its" in rest["sentence"]
    assert (await Tollhouse(plane)(*commands(rest["step"])[1])).stdout.startswith("Hold hold_2 is voided")
    assert (void[1], await holds_that_ail(plane)) == ("void", [])


def commands(told: str) -> list[list[str]]:
    """The commands in what was told, as words after `tollhouse`."""
    found = re.findall(r"run: tollhouse (hold .*?)(?:;|\.(?: |$)|$)", told, re.MULTILINE | re.IGNORECASE)
    return [shlex.split(command) for command in found]


async def test_a_list_can_be_had_page_by_page_or_whole(plane: RunningControl) -> None:
    tollhouse = Tollhouse(plane)
    first = await tollhouse("hold", "list", "--limit", "1")
    assert "hold_1" in first.stdout
    assert "hold_2" not in first.stdout
    cursor = re.fullmatch(r"There may be more: --cursor (\S+), or --all\n", first.stderr)
    assert cursor
    second = await tollhouse("hold", "list", "--limit", "1", "--cursor", cursor[1])
    assert second.stdout.startswith("hold_2 ")
    whole = await tollhouse.document("hold", "list", "--limit", "1", "--all", "--team", "red")
    assert ([one["id"] for one in whole["holds"]], whole["next_cursor"]) == (["hold_1", "hold_2"], None)
    assert (await tollhouse("hold", "list", "--team", "blue")).stdout == "There are none.\n"
