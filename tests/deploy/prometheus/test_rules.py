"""The alerts: each fires in the state that it is about, which a gateway was really put into, and no other does."""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from gateway.adapters.system import SystemClock
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.delivery import DeliveryState
from gateway.core.ending import JobStatus
from gateway.core.figures import JobEnded
from gateway.core.ledger import Outcome
from tests.adapters.test_telemetry import held
from tests.deploy.prometheus.replay import Story, firing
from tests.deploy.prometheus.test_page import alerts
from tests.walkthrough.house import SEED, House, Key, open_house, until
from tests.walkthrough.outage import outage_of
from tests.walkthrough.policies import budget, team

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("prometheus")]

A: Final = "gateway-1:8081"
State: TypeAlias = Callable[[pytest.MonkeyPatch], Awaitable[Story]]
DUE: Final = frozenset({"tollhouse_oldest_due_hold_seconds"})
LAG: Final = frozenset({"tollhouse_ledger_lag_seconds"})


async def scrape(house: House) -> str:
    return (await house.metrics()).text


async def healthy(house: House) -> tuple[Key, str]:
    """A key, and what the gateway says after its first job."""
    key = await house.key()
    assert (await house.submit(key)).status == 200
    return key, await scrape(house)


# --- The states ---


async def spent_fast(_patch: pytest.MonkeyPatch) -> Story:
    """21 USD of a month's 300 within five minutes: alarming at once; six hours later, more than the month has."""
    async with open_house(team(budget("300.00"))) as house:
        key, before = await healthy(house)
        for _ in range(30):
            assert (await house.submit(key, **SEED)).status == 200
        return Story({A: [(0, before), (5, await scrape(house))]}, turn=1500)


async def spent_fast_of_little(_patch: pytest.MonkeyPatch) -> Story:
    """The same share of a month's small budget: nobody is woken for three dollars."""
    async with open_house(team(budget("30.00"))) as house:
        key, before = await healthy(house)
        for _ in range(3):
            assert (await house.submit(key, **SEED)).status == 200
        return Story({A: [(0, before), (5, await scrape(house))]}, turn=1500)


async def used_up(_patch: pytest.MonkeyPatch) -> Story:
    """Two jobs of a budget for two and a bit, then a refusal; ten minutes later only that little is left."""
    async with open_house(team(budget("0.80"))) as house:
        key, before = await healthy(house)
        assert [(await house.submit(key)).status for _ in range(2)] == [200, 402]
        return Story({A: [(0, before), (1, await scrape(house))]})


async def without_answers(_patch: pytest.MonkeyPatch) -> Story:
    """Seven submits without an answer, of which nobody finds out what became; they get old."""
    async with open_house(team(budget("100.00"))) as house:
        key, before = await healthy(house)
        texts = []
        for count in (1, 6):
            for number in range(count):
                asked = await house.submit(key, prompt=f"{count}, {number}", sandbox={"reset_after": True})
                assert asked.status == 504
            texts.append(await scrape(house))
        return Story({A: [(0, before), (1, texts[0]), (6, texts[1])]}, DUE)


async def charged_above(_patch: pytest.MonkeyPatch) -> Story:
    """A job at one and a half its price; then two more, which closes the price."""
    async with open_house(team(budget("100.00"))) as house:
        key, before = await healthy(house)
        texts = []
        for count in (1, 2):
            for _ in range(count):
                assert (await house.submit(key, sandbox={"cost_factor": "1.5"})).status == 200
            texts.append(await scrape(house))
        return Story({A: [(0, before), (1, texts[0]), (30, texts[1])]})


async def without_a_store(patch: pytest.MonkeyPatch) -> Story:
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
        return Story({A: [(0, before), (1, texts[0]), (16, texts[1])]})


async def behind_a_slow_store(_patch: pytest.MonkeyPatch) -> Story:
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
        return Story({A: [(0, before), (15, await scrape(house))]})


async def with_a_wrong_clock(patch: pytest.MonkeyPatch) -> Story:
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        right = SystemClock.now
        patch.setattr(SystemClock, "now", lambda clock: right(clock) + timedelta(seconds=1.5))
        after = await scrape(house)
        patch.setattr(SystemClock, "now", right)
        return Story({A: [(0, before), (1, after)]})


async def with_policies_that_cannot_be_applied(_patch: pytest.MonkeyPatch) -> Story:
    async with open_house(team(budget("100.00")), policies_watch="true") as house:
        _, before = await healthy(house)
        (house.gateway.data_dir.parent / "policies" / "teams" / "video.toml").write_text("= broken")

        async def failed() -> bool:
            return (await house.metrics())("tollhouse_policy_watch_failed") == 1

        await until(failed)
        return Story({A: [(0, before), (1, await scrape(house))]})


async def two_of_two_minds(_patch: pytest.MonkeyPatch) -> Story:
    """Two gateways, of which one went on to the next version and the other did not."""
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        await house.apply(team(budget("90.00")))
        after = await scrape(house)
        return Story({A: [(0, before)], "gateway-2:8081": [(0, before), (1, after)]})


async def with_a_key_that_expires(_patch: pytest.MonkeyPatch) -> Story:
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        await house.key(expires_at=(datetime.now(UTC) + timedelta(days=9)).isoformat())
        return Story({A: [(0, before), (1, await scrape(house))]})


async def without_an_exporter(_patch: pytest.MonkeyPatch) -> Story:
    """Nothing goes to the SQL ledger (tests have no exporter), and what waits gets old."""
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        return Story({A: [(0, before), (1, await scrape(house))]}, LAG)


async def gone(_patch: pytest.MonkeyPatch) -> Story:
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        return Story({A: [(0, before), (1, None)]})


async def with_news(tell: Callable[[PrometheusTelemetry], None]) -> Story:
    """What takes a gateway hours or a stranger's doing to find out is told to its counters."""
    async with open_house(team(budget("100.00"))) as house:
        _, before = await healthy(house)
        telemetry = PrometheusTelemetry("0")
        tell(telemetry)
        news = re.sub(r"(?m)^tollhouse_build.*\n", "", telemetry.render(None).decode())
        own = "".join(
            line for line in news.splitlines(keepends=True) if not line.startswith("#") and " 0.0" not in line
        )
        return Story({A: [(0, before), (1, before + own)]})


async def with_a_stranger(_patch: pytest.MonkeyPatch) -> Story:
    return await with_news(lambda told: told.unowned())


async def with_a_lost_job(_patch: pytest.MonkeyPatch) -> Story:
    return await with_news(lambda told: told.lost(held().hold))


async def contradicted(_patch: pytest.MonkeyPatch) -> Story:
    end = JobEnded(None, JobStatus.FAILED, Outcome.ANOMALY)
    return await with_news(lambda told: told.ended(end))


async def with_a_deaf_client(_patch: pytest.MonkeyPatch) -> Story:
    return await with_news(lambda told: told.delivered("video", DeliveryState.FAILED))


FAST: Final = {"TollhouseBudgetBurningFast", "TollhouseBudgetBurning"}
AWAY: Final = {"TollhouseStoreUnreachable", "TollhouseNothingAdmitted"}
DOUBT: Final = {"TollhouseHoldsInDoubt"}
DRIFT: Final = {"TollhousePriceDrift"}
CLOSED: Final = {"TollhousePriceClosed"}

# Of each state, which alerts fire how many minutes after the story's turn, and that no others do.
STATES: Final[Mapping[State, Mapping[int, set[str]]]] = {
    spent_fast: {6: FAST, 90: set(), 370: {"TollhouseBudgetForecastExceeded"}},
    spent_fast_of_little: {6: set(), 370: set()},
    used_up: {7: {"TollhouseLimitNear", "TollhouseLimitReached"}, 12: {"TollhouseLimitNear"}},
    without_answers: {7: {"TollhouseUpstreamErrors"}, 35: DOUBT, 75: DOUBT | {"TollhouseHoldOverdue"}},
    charged_above: {3: DRIFT, 31: DRIFT | CLOSED, 120: CLOSED},
    without_a_store: {3: AWAY, 14: AWAY | {"TollhouseStoreErrors"}},
    behind_a_slow_store: {18: {"TollhouseOverhead"}, 40: set()},
    with_a_wrong_clock: {2: set(), 4: {"TollhouseClockSkew"}},
    with_policies_that_cannot_be_applied: {2: set(), 5: {"TollhousePolicyWatchFailed"}},
    two_of_two_minds: {4: set(), 8: {"TollhousePoliciesDiffer"}},
    with_a_key_that_expires: {30: set(), 70: {"TollhouseKeysExpiring"}},
    without_an_exporter: {5: set(), 13: {"TollhouseLedgerLag"}},
    gone: {2: set(), 4: {"TollhouseDown"}},
    with_a_stranger: {2: {"TollhouseUnownedJobs"}, 70: set()},
    with_a_lost_job: {2: {"TollhouseLostJobs"}, 70: set()},
    contradicted: {2: {"TollhouseAnomaly"}, 70: set()},
    with_a_deaf_client: {2: {"TollhouseDeliveriesFailed"}, 70: set()},
}


@pytest.mark.parametrize(("state", "expected"), STATES.items(), ids=[state.__name__ for state in STATES])
async def test_what_fires_and_what_does_not(
    state: State, expected: Mapping[int, set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = firing(await state(monkeypatch), [-1, *expected], tmp_path)
    assert found == {-1: set(), **expected}


def test_every_alert_has_a_state_in_which_it_fires() -> None:
    assert {name for expected in STATES.values() for names in expected.values() for name in names} == alerts()
