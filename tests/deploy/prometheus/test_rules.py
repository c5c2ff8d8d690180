"""The alerts: each fires in the state that it is about, which a gateway was really put into, and no other does."""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
import pytest
import yaml

from gateway.adapters.system import SystemClock
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.cli import main
from gateway.core.delivery import DeliveryState
from gateway.core.ending import JobStatus
from gateway.core.figures import JobEnded
from gateway.core.ledger import Outcome
from tests.adapters.test_telemetry import held
from tests.deploy.prometheus.replay import RULES, Story, firing
from tests.rigs.provider import ROOT
from tests.walkthrough.house import SEED, House, Key, open_house, until
from tests.walkthrough.outage import outage_of
from tests.walkthrough.policies import budget, team

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("prometheus")]

A: Final = "gateway-1:8081"
Told: TypeAlias = Awaitable[tuple[Story, dict[int, set[str]]]]
DUE: Final = frozenset({"tollhouse_oldest_due_hold_seconds"})
LAG: Final = frozenset({"tollhouse_ledger_lag_seconds"})


def alerts() -> set[str]:
    return {rule["alert"] for group in _groups() for rule in group["rules"] if "alert" in rule}


def _groups() -> list[dict[str, Any]]:
    return list(yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"])


async def scrape(house: House) -> str:
    return (await house.metrics()).text


async def healthy(house: House) -> tuple[Key, str]:
    """A key, and what the gateway says after its first job."""
    key = await house.key()
    assert (await house.submit(key)).status == 200
    return key, await scrape(house)


# --- The states, and when which alerts must fire. Minutes count from the story's turn. ---


async def spent_fast(_patch: pytest.MonkeyPatch) -> Told:
    """21 USD of a month's 300 within five minutes: alarming at once; six hours later, more than the month has."""
    async with open_house(team(budget("300.00"))) as house:
        key, before = await healthy(house)
        for _ in range(30):
            assert (await house.submit(key, **SEED)).status == 200
        story = Story({A: [(0, before), (5, await scrape(house))]}, turn=1500)
        fast = {"TollhouseBudgetBurningFast", "TollhouseBudgetBurning"}
        return story, {6: fast, 90: set(), 370: {"TollhouseBudgetForecastExceeded"}}


async def spent_fast_of_little(_patch: pytest.MonkeyPatch) -> Told:
    """The same share of a month's small budget: nobody is woken for three dollars."""
    async with open_house(team(budget("30.00"))) as house:
        key, before = await healthy(house)
        for _ in range(3):
            assert (await house.submit(key, **SEED)).status == 200
        return Story({A: [(0, before), (5, await scrape(house))]}, turn=1500), {6: set(), 370: set()}


async def used_up(_patch: pytest.MonkeyPatch) -> Told:
    """Two jobs of a budget for two and a bit, then a refusal; ten minutes later only that little is left."""
    async with open_house(team(budget("0.80"))) as house:
        key, before = await healthy(house)
        assert [(await house.submit(key)).status for _ in range(2)] == [200, 402]
        story = Story({A: [(0, before), (1, await scrape(house))]})
        return story, {7: {"TollhouseLimitNear", "TollhouseLimitReached"}, 12: {"TollhouseLimitNear"}}


async def without_answers(_patch: pytest.MonkeyPatch) -> Told:
    """Seven submits without an answer, of which nobody finds out what became; they get old."""
    async with open_house(team(budget("100.00"))) as house:
        key, before = await healthy(house)
        texts = []
        for count in (1, 6):
            for number in range(count):
                asked = await house.submit(key, prompt=f"{count}, {number}", sandbox={"reset_after": True})
                assert asked.status == 504
            texts.append(await scrape(house))
        story = Story({A: [(0, before), (1, texts[0]), (6, texts[1])]}, DUE)
        doubt = {"TollhouseHoldsInDoubt"}
        return story, {7: {"TollhouseUpstreamErrors"}, 35: doubt, 75: doubt | {"TollhouseHoldOverdue"}}


async def charged_above(_patch: pytest.MonkeyPatch) -> Told:
    """A job at one and a half its price; then two more, which closes the price."""
    async with open_house(team(budget("100.00"))) as house:
        key, before = await healthy(house)
        texts = []
        for count in (1, 2):
            for _ in range(count):
                assert (await house.submit(key, sandbox={"cost_factor": "1.5"})).status == 200
            texts.append(await scrape(house))
        story = Story({A: [(0, before), (1, texts[0]), (30, texts[1])]})
        drift = {"TollhousePriceDrift"}
        return story, {3: drift, 31: drift | {"TollhousePriceClosed"}, 120: {"TollhousePriceClosed"}}


async def without_a_store(patch: pytest.MonkeyPatch) -> Told:
    """The store dies under traffic; a quarter of an hour later submits still fail."""
    async with open_house(team(budget("100.00"))) as house:
        key, before = await healthy(house)
        outage = await outage_of(house, patch)
        outage.begin()
        texts = []
        for count in (1, 150):
            for _ in range(count):
                assert (await house.submit(key)).status == 503
            texts.append(await scrape(house))
        await outage.end()
        story = Story({A: [(0, before), (1, texts[0]), (16, texts[1])]})
        gone = {"TollhouseStoreUnreachable", "TollhouseNothingAdmitted"}
        return story, {3: gone, 14: gone | {"TollhouseStoreErrors"}}


async def behind_a_slow_store(_patch: pytest.MonkeyPatch) -> Told:
    """The store stops for moments, and a submit waits for it."""
    async with open_house(team(budget("5000.00"))) as house:
        key, before = await healthy(house)
        pid = await house.store_pid()
        for _ in range(50):
            os.kill(pid, signal.SIGSTOP)
            asked = asyncio.create_task(house.submit(key))
            await asyncio.sleep(0.15)
            os.kill(pid, signal.SIGCONT)
            assert (await asked).status == 200
        story = Story({A: [(0, before), (15, await scrape(house))]})
        return story, {18: {"TollhouseOverhead"}, 40: set()}


async def with_a_wrong_clock(patch: pytest.MonkeyPatch) -> Told:
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        right = SystemClock.now
        patch.setattr(SystemClock, "now", lambda clock: right(clock) + timedelta(seconds=1.5))
        after = await scrape(house)
        patch.setattr(SystemClock, "now", right)
        return Story({A: [(0, before), (1, after)]}), {2: set(), 4: {"TollhouseClockSkew"}}


async def with_policies_that_cannot_be_applied(_patch: pytest.MonkeyPatch) -> Told:
    async with open_house(team(budget("100.00")), policies_watch="true") as house:
        _, before = await healthy(house)
        (house.gateway.data_dir.parent / "policies" / "teams" / "video.toml").write_text("= broken")

        async def failed() -> bool:
            return (await house.metrics())("tollhouse_policy_watch_failed") == 1

        await until(failed)
        story = Story({A: [(0, before), (1, await scrape(house))]})
        return story, {2: set(), 5: {"TollhousePolicyWatchFailed"}}


async def two_of_two_minds(_patch: pytest.MonkeyPatch) -> Told:
    """Two gateways, of which one went on to the next version and the other did not."""
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        await house.apply(team(budget("90.00")))
        after = await scrape(house)
        story = Story({A: [(0, before)], "gateway-2:8081": [(0, before), (1, after)]})
        return story, {4: set(), 8: {"TollhousePoliciesDiffer"}}


async def with_a_key_that_expires(_patch: pytest.MonkeyPatch) -> Told:
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        await house.key(expires_at=(datetime.now(UTC) + timedelta(days=9)).isoformat())
        story = Story({A: [(0, before), (1, await scrape(house))]})
        return story, {30: set(), 70: {"TollhouseKeysExpiring"}}


async def without_an_exporter(_patch: pytest.MonkeyPatch) -> Told:
    """Nothing goes to the SQL ledger (tests have no exporter), and what waits gets old."""
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        story = Story({A: [(0, before), (1, await scrape(house))]}, LAG)
        return story, {5: set(), 13: {"TollhouseLedgerLag"}}


async def gone(_patch: pytest.MonkeyPatch) -> Told:
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        return Story({A: [(0, before), (1, None)]}), {2: set(), 4: {"TollhouseDown"}}


async def with_news(tell: Callable[[PrometheusTelemetry], None], alert: str) -> Told:
    """What takes a gateway hours or a stranger's doing to find out is told to its counters."""
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        telemetry = PrometheusTelemetry("0")
        tell(telemetry)
        news = re.sub(r"(?m)^tollhouse_build.*\n", "", telemetry.render(None).decode())
        own = "".join(
            line for line in news.splitlines(keepends=True) if not line.startswith("#") and " 0.0" not in line
        )
        return Story({A: [(0, before), (1, before + own)]}), {2: {alert}, 70: set()}


async def with_a_stranger(_patch: pytest.MonkeyPatch) -> Told:
    return await with_news(lambda told: told.unowned(), "TollhouseUnownedJobs")


async def with_a_lost_job(_patch: pytest.MonkeyPatch) -> Told:
    return await with_news(lambda told: told.lost(held().hold), "TollhouseLostJobs")


async def contradicted(_patch: pytest.MonkeyPatch) -> Told:
    end = JobEnded(None, JobStatus.FAILED, Outcome.ANOMALY)
    return await with_news(lambda told: told.ended(end), "TollhouseAnomaly")


async def with_a_deaf_client(_patch: pytest.MonkeyPatch) -> Told:
    return await with_news(lambda told: told.delivered("video", DeliveryState.FAILED), "TollhouseDeliveriesFailed")


STATES: Final[tuple[Callable[[pytest.MonkeyPatch], Told], ...]] = (
    spent_fast,
    spent_fast_of_little,
    used_up,
    without_answers,
    charged_above,
    without_a_store,
    behind_a_slow_store,
    with_a_wrong_clock,
    with_policies_that_cannot_be_applied,
    two_of_two_minds,
    with_a_key_that_expires,
    without_an_exporter,
    gone,
    with_a_stranger,
    with_a_lost_job,
    contradicted,
    with_a_deaf_client,
)
_SEEN: Final[set[str]] = set()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_what_fires_and_what_does_not(
    state: Callable[[pytest.MonkeyPatch], Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, expected = await state(monkeypatch)
    found = firing(story, [-1, *expected], tmp_path)
    assert found == {-1: set(), **expected}
    _SEEN.update(*found.values())


def test_every_alert_was_seen_firing() -> None:
    """Runs last, in the same process: the states above are all of one group."""
    assert alerts() == _SEEN


def test_two_gateways_double_nothing() -> None:
    """Gauges of the store are the same from each: every use of one says which to take."""
    text = RULES.read_text(encoding="utf-8")
    gauges = re.findall(
        r"(\w+(?: by \([^)]*\))?) ?\(tollhouse_(?:limit|holds|oldest|ledger|policy_watch|keys|price_closed)\w*", text
    )
    assert len(gauges) > 8
    assert {one.split()[0] for one in gauges} == {"max"}


# --- The page ---


def test_every_alert_has_its_part_of_the_page_and_says_where() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Tollhouse\w+)$", page, re.MULTILINE)) == alerts()
    for group in _groups():
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
                assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_what_the_page_says_to_type_can_be_typed() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    typed = set(re.findall(r"`tollhouse ([^`]+)`", page))
    assert len(typed) > 15
    for words in map(str.split, typed):
        command: click.Command = main
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        known = {option for one in command.params for option in one.opts}
        assert [word for word in words if word.startswith("--") and word not in known] == [], typed
