"""Rates at admission (GCRA): a burst at once, then one every interval; only what is admitted counts."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import AccountScope, RateDemand
from gateway.core.admission import AdmissionReply, Created, OverLimit, OverRate
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.adapters.redis.snapshot import snapshot

NOW = datetime.now(UTC)
SECOND_US = 1_000_000
MINUTELY = RateDemand("submits", AccountScope.TEAM, "red", 60 * SECOND_US, 3)
HOURLY = RateDemand("submits", AccountScope.KEY, "k1", 3600 * SECOND_US, 1)


class Client:
    """Submits one job after another; `at` is in seconds from now."""

    def __init__(self, ledger: RedisLedger) -> None:
        self._ledger = ledger
        self._asked = 0

    async def submit(self, *rates: RateDemand, at: float = 0, ceiling: int = 1_000) -> AdmissionReply:
        self._asked += 1
        asked = admission(f"h{self._asked}", demand(TEAM, 1, ceiling), rates=rates)
        return await self._ledger.admit(asked, NOW + timedelta(seconds=at))


@pytest.fixture
def client(ledger: RedisLedger) -> Client:
    return Client(ledger)


async def test_a_burst_passes_at_once_and_then_one_every_interval(client: Client) -> None:
    for _ in range(3):
        assert isinstance(await client.submit(MINUTELY), Created)
    assert await client.submit(MINUTELY) == OverRate(MINUTELY, 60 * SECOND_US)
    assert await client.submit(MINUTELY, at=59.5) == OverRate(MINUTELY, SECOND_US // 2)
    assert isinstance(await client.submit(MINUTELY, at=60), Created)
    assert await client.submit(MINUTELY, at=60) == OverRate(MINUTELY, 60 * SECOND_US)


async def test_whoever_waits_long_enough_has_the_whole_burst_again_and_no_more(client: Client) -> None:
    for at in (0, 0, 0, 7200, 7200, 7200):
        assert isinstance(await client.submit(MINUTELY, at=at), Created)
    assert await client.submit(MINUTELY, at=7200) == OverRate(MINUTELY, 60 * SECOND_US)


async def test_a_refused_request_consumes_nothing(client: Client, store: Store) -> None:
    assert isinstance(await client.submit(HOURLY), Created)
    before = await snapshot(store)

    for _ in range(5):
        assert await client.submit(MINUTELY, HOURLY) == OverRate(HOURLY, 3600 * SECOND_US)

    assert await snapshot(store) == before


async def test_a_job_over_its_limit_consumes_no_rate(client: Client) -> None:
    for _ in range(5):
        assert isinstance(await client.submit(MINUTELY, ceiling=0), OverLimit)
    for _ in range(3):
        assert isinstance(await client.submit(MINUTELY), Created)


async def test_rates_are_named_before_limits(client: Client) -> None:
    await client.submit(HOURLY)
    assert await client.submit(HOURLY, ceiling=0) == OverRate(HOURLY, 3600 * SECOND_US)


async def test_a_void_gives_no_request_back(ledger: RedisLedger, client: Client) -> None:
    asked = admission("held", demand(TEAM, 1, 10), rates=(HOURLY,))
    assert isinstance(await ledger.admit(asked, NOW), Created)
    await ledger.move(Verb.VOID, asked.hold, NOW)

    assert isinstance(await client.submit(HOURLY), OverRate)


async def test_asking_again_for_the_same_hold_consumes_nothing(ledger: RedisLedger, client: Client) -> None:
    asked = admission("held", demand(TEAM, 1, 10), rates=(MINUTELY,))
    for _ in range(9):
        assert isinstance(await ledger.admit(asked, NOW), Created)

    for _ in range(2):
        assert isinstance(await client.submit(MINUTELY), Created)
    assert isinstance(await client.submit(MINUTELY), OverRate)


async def test_test_keys_have_rates_of_their_own(client: Client) -> None:
    test = RateDemand(HOURLY.name, HOURLY.scope, HOURLY.owner, HOURLY.interval_us, HOURLY.burst, test=True)

    assert isinstance(await client.submit(HOURLY), Created)
    assert isinstance(await client.submit(test), Created)


async def test_a_gateway_whose_clock_is_behind_gets_no_more_than_the_others(client: Client) -> None:
    assert isinstance(await client.submit(HOURLY, at=2), Created)
    assert await client.submit(HOURLY, at=0) == OverRate(HOURLY, 3602 * SECOND_US)


async def test_a_rate_is_remembered_until_no_clock_could_be_before_it(store: Store) -> None:
    ledger = await open_ledger(store, max_skew=timedelta(seconds=10))
    fast = datetime.now(UTC) + timedelta(seconds=9)

    assert isinstance(await ledger.admit(admission("h1", rates=(MINUTELY,)), fast), Created)

    lifetime_ms = (await snapshot(store)).lifetimes_ms[keys.rate(MINUTELY)]
    ends = datetime.now(UTC) + timedelta(milliseconds=lifetime_ms)
    slowest_then = ends - timedelta(seconds=10)
    assert slowest_then >= fast + timedelta(seconds=60)
    assert slowest_then < fast + timedelta(seconds=90)
