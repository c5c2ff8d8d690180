"""The end of a job is booked once, whoever tells of it, however often and in whatever order."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Balance
from gateway.core.ending import Cancelled, Completed, Ending, Failed, JobStatus, Source
from gateway.core.figures import JobEnded, Observation, StoreGauges
from gateway.core.ledger import Entry, Outcome, State, Verb
from gateway.core.recall import HoldRecord
from gateway.service.lifecycle import Lifecycle
from tests.adapters.redis.holds import JOBS, RUNNING, TEAM, admission, demand, open_ledger
from tests.doubles import StillClock

PAID = 700_000
NOW = datetime.now(UTC)
ENDED_AT = datetime(2026, 11, 23, 11, 59, tzinfo=UTC)


@dataclass(slots=True)
class Counted:
    """Implements `ports.Telemetry`: keeps what it is told of ends."""

    ends: list[JobEnded] = field(default_factory=list)

    def observe(self, seen: Observation) -> None:
        raise AssertionError("nobody submits here")

    def ended(self, seen: JobEnded) -> None:
        self.ends.append(seen)

    def render(self, figures: StoreGauges | None) -> bytes:
        raise AssertionError("nobody scrapes here")

    def anomalies(self) -> int:
        return sum(seen.outcome is Outcome.ANOMALY or seen.surplus > 0 for seen in self.ends)


class House:
    """A ledger with one job that costs PAID, `job-1`, and whoever books its end."""

    def __init__(self, ledger: RedisLedger) -> None:
        self.ledger = ledger
        self.counted = Counted()
        self.lifecycle = Lifecycle(ledger, self.counted, StillClock(NOW))

    async def runs(self, cost: int = PAID) -> None:
        asked = admission("h1", demand(TEAM, PAID, 10**9), demand(JOBS, 1, 10), demand(RUNNING, 1, 10))
        await self.ledger.admit(asked, NOW)
        await self.ledger.move(Verb.CAPTURE, asked.hold, NOW, job="job-1", cost=cost)

    async def ended(self, ending: Ending, source: Source = Source.POLL) -> Outcome | None:
        moved = await self.lifecycle.ended("job-1", ending, source)
        return None if moved is None else moved.outcome

    async def record(self) -> HoldRecord:
        found = await self.ledger.owner("job-1")
        assert found is not None
        return found

    async def balances(self) -> tuple[Balance, ...]:
        """Of money, of jobs, of what runs."""
        return await self.ledger.balances([TEAM, JOBS, RUNNING])

    async def entries(self) -> list[Entry]:
        """Those after the hold and its capture."""
        return list((await self.ledger.entries())[2:])


@pytest.fixture
async def house(store: Store) -> House:
    house = House(await open_ledger(store))
    await house.runs()
    return house


async def test_a_completed_job_gives_its_place_back_and_no_money(house: House) -> None:
    assert await house.ended(Completed(at=ENDED_AT), Source.CLIENT) is Outcome.FINISHED
    assert await house.balances() == (Balance(PAID, 0), Balance(1, 0), Balance(0, 0))
    record = await house.record()
    assert (record.state, record.status, record.ended_at) == (State.FINISHED, JobStatus.COMPLETED, ENDED_AT)
    (entry,) = await house.entries()
    assert (entry.kind, entry.facts["source"], entry.facts["status"]) == ("finished", "client", "completed")


async def test_a_final_cost_that_differs_is_written_down_and_moves_nothing(house: House) -> None:
    await house.ended(Completed(cost=PAID - 20_000))
    assert (await house.balances())[0] == Balance(PAID, 0)
    (entry,) = await house.entries()
    assert (entry.facts["final_cost"], entry.facts["drift"]) == ("680000", "-20000")


@pytest.mark.parametrize("ending", [Failed(), Cancelled(), Failed(PAID), Cancelled(PAID)])
async def test_what_was_posted_comes_back_once(house: House, ending: Ending) -> None:
    assert await house.ended(ending) is Outcome.REFUNDED
    assert await house.ended(ending, Source.WEBHOOK) is Outcome.ALREADY
    assert await house.balances() == (Balance(0, 0), Balance(1, 0), Balance(0, 0))
    assert (await house.record()).status is ending.status
    assert [entry.kind for entry in await house.entries()] == ["refunded"]
    assert [(seen.outcome, seen.refunded) for seen in house.counted.ends] == [(Outcome.REFUNDED, PAID)]


async def test_an_end_is_one_line_in_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "tollhouse.lifecycle"):
        for source in Source:
            await house.ended(Cancelled(300_000), source)
    (line,) = caplog.records
    assert line.__dict__["fields"] == {
        "hold": "h1",
        "job": "job-1",
        "status": "cancelled",
        "source": "client",
        "team": "red",
        "refunded": 300_000,
    }


async def test_what_the_upstream_names_comes_back(house: House) -> None:
    await house.ended(Cancelled(300_000), Source.CANCEL)
    assert (await house.balances())[0] == Balance(PAID - 300_000, 0)
    record = await house.record()
    assert (record.refunded, record.refund_named) == (300_000, True)


async def test_an_amount_named_later_is_posted_as_the_difference_once(house: House) -> None:
    await house.ended(Failed())
    assert await house.ended(Cancelled(300_000), Source.CANCEL) is Outcome.ADJUSTED
    assert await house.ended(Cancelled(300_000), Source.CANCEL) is Outcome.ALREADY
    assert await house.ended(Cancelled(100_000), Source.WEBHOOK) is Outcome.ALREADY
    assert (await house.balances())[0] == Balance(PAID - 300_000, 0)
    assert [entry.kind for entry in await house.entries()] == ["refunded", "adjusted"]


async def test_more_than_was_charged_is_an_anomaly_and_never_comes_back(house: House) -> None:
    await house.ended(Cancelled(PAID + 1))
    assert (await house.balances())[0] == Balance(0, 0)
    (entry,) = await house.entries()
    assert (entry.facts["refunded"], entry.facts["named"]) == (str(PAID), str(PAID + 1))
    assert entry.facts["anomaly"] == "refund larger than the charge"
    assert house.counted.anomalies() == 1


@pytest.mark.parametrize(
    ("first", "second", "posted"),
    [(Completed(), Failed(), PAID), (Failed(), Completed(), 0), (Completed(), Cancelled(1), PAID)],
)
async def test_an_end_that_contradicts_the_first_is_written_down_once_and_moves_nothing(
    house: House, first: Ending, second: Ending, posted: int
) -> None:
    await house.ended(first)
    assert await house.ended(second) is Outcome.ANOMALY
    for source in Source:
        await house.ended(second, source)
    assert await house.balances() == (Balance(posted, 0), Balance(1, 0), Balance(0, 0))
    assert [entry.kind for entry in await house.entries()][1:] == ["anomaly"]
    assert house.counted.anomalies() == 1
    assert (await house.record()).status is first.status


async def test_a_refund_of_a_job_that_nobody_here_asked_for_is_an_anomaly_once(house: House) -> None:
    for _ in range(3):
        assert await house.lifecycle.ended("job-2", Failed(), Source.WEBHOOK) is None
        assert await house.lifecycle.ended("job-3", Completed(), Source.WEBHOOK) is None
    (entry,) = await house.entries()
    assert (entry.kind, entry.hold, entry.moves) == ("anomaly", "job-2", ())
    assert entry.facts["cause"] == "refund of an unknown job"
    assert house.counted.anomalies() == 1


class Late(RedisLedger):
    """Shows a hold as it stood before somebody else booked its end."""

    before: HoldRecord | None = None

    async def owner(self, job: str) -> HoldRecord | None:
        return self.before or await super().owner(job)


async def test_whoever_comes_second_with_the_amount_corrects_whoever_was_first_without(store: Store) -> None:
    ledger = await open_ledger(store)
    house, late = House(ledger), House(late_ledger := Late(store, "e1"))
    await house.runs()
    late_ledger.before = await house.record()
    await house.ended(Failed())
    assert await late.ended(Cancelled(200_000), Source.CANCEL) is Outcome.ADJUSTED
    assert (await house.balances())[0] == Balance(PAID - 200_000, 0)


ENDINGS = st.one_of(
    st.just(Completed()),
    st.builds(Completed, st.none() | st.integers(0, 2 * PAID)),
    st.builds(Failed, st.none() | st.integers(0, 2 * PAID)),
    st.builds(Cancelled, st.none() | st.integers(0, 2 * PAID)),
)
TOLD = st.lists(st.tuples(ENDINGS, st.sampled_from(Source)), min_size=1, max_size=8)


@settings(max_examples=150)
@given(
    told=TOLD,
    again=st.permutations(range(8)),
    at_once=st.booleans(),
    cost=st.sampled_from((PAID, 0, PAID // 2, 2 * PAID)),
)
def test_in_any_order_and_however_often(
    store_url: str, told: list[tuple[Ending, Source]], again: list[int], at_once: bool, cost: int
) -> None:
    """The first end sets the state; of a refund the first named amount is what came back; all else moves nothing."""
    asyncio.run(_tell(store_url, told + [told[at] for at in again if at < len(told)], at_once, cost))


async def _tell(url: str, told: list[tuple[Ending, Source]], at_once: bool, cost: int) -> None:
    store = connect(url)
    try:
        await store.client.flushall()
        house = House(await open_ledger(store))
        await house.runs(cost)
        calls = [house.ended(ending, source) for ending, source in told]
        if at_once:
            await asyncio.gather(*calls)
        else:
            for call in calls:
                await call
        await _assert_booked(house, [ending for ending, _ in told], cost, in_order=not at_once)
    finally:
        await store.close()


async def _assert_booked(house: House, endings: list[Ending], cost: int, *, in_order: bool) -> None:
    record, (money, jobs, running), entries = await house.record(), await house.balances(), await house.entries()
    refunds = [ending for ending in endings if not isinstance(ending, Completed)]
    amounts = [min(ending.refunded, cost) for ending in refunds if ending.refunded is not None]
    assert (jobs, running) == (Balance(1, 0), Balance(0, 0))
    kinds = [entry.kind for entry in entries]
    assert sum(kind in ("finished", "refunded") for kind in kinds) == 1
    assert kinds.count("adjusted") <= 1
    assert kinds.count("anomaly") <= 1
    if in_order:
        assert record.status is endings[0].status
    if record.state is State.FINISHED:
        assert money == Balance(cost, 0)
        assert kinds.count("anomaly") == (1 if refunds else 0)
    else:
        assert cost - money.posted == record.refunded
        # In turn, the first amount named; at once, any of them. Where nobody named one, all of it.
        wanted = amounts[:1] if in_order else amounts
        assert record.refunded in (wanted or [cost])
        assert kinds.count("anomaly") == (1 if len(refunds) < len(endings) else 0)
    assert 0 <= money.posted <= cost
    assert money.held == 0
