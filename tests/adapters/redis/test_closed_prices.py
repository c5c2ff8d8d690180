"""Three overages of one price within an hour close it, and nothing else does; an operator opens it again."""

from datetime import timedelta

import pytest

from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.system import SystemClock
from gateway.core.admission import Created, ModelClosed
from gateway.core.figures import ClosedPrice
from tests.adapters.redis.closing import overcharge
from tests.adapters.redis.holds import admission, open_ledger

NOW = SystemClock().now()
KLING = "kling/kling-2.6-pro/text-to-video"


@pytest.fixture
async def ledger(store: Store) -> RedisLedger:
    return await open_ledger(store)


async def test_the_third_overage_closes_the_price_and_says_so_once(store: Store, ledger: RedisLedger) -> None:
    assert await overcharge(ledger, 2, NOW) == [False, False]
    assert await RedisClosedPrices(store).all() == ()
    assert await overcharge(ledger, 1, NOW + timedelta(minutes=59)) == [True]
    assert await RedisClosedPrices(store).all() == (ClosedPrice(KLING, "2026-11-01", test=False),)
    assert await ledger.admit(admission("h1"), NOW) == ModelClosed()


async def test_other_models_the_sandbox_and_a_newer_price_file_stay_open(ledger: RedisLedger) -> None:
    await overcharge(ledger, 3, NOW)
    for number, other in enumerate(({"model": "a/b"}, {"test": True}, {"rate_card": "2026-11-02"})):
        assert isinstance(await ledger.admit(admission(f"h{number}", **other), NOW), Created)


async def test_what_was_held_when_it_closed_is_captured_all_the_same(ledger: RedisLedger) -> None:
    held = admission("h1")
    await ledger.admit(held, NOW)
    await overcharge(ledger, 3, NOW)
    assert await overcharge(ledger, 1, NOW + timedelta(minutes=1)) == [False]


async def test_overages_more_than_an_hour_apart_are_bad_luck(store: Store, ledger: RedisLedger) -> None:
    for hours in range(5):
        assert await overcharge(ledger, 1, NOW + timedelta(hours=hours)) == [False]
    assert await RedisClosedPrices(store).all() == ()


async def test_reopened_it_has_a_clean_slate(store: Store, ledger: RedisLedger) -> None:
    prices = RedisClosedPrices(store)
    await overcharge(ledger, 3, NOW)
    assert await prices.reopen("a/b") == ()
    assert await prices.reopen(KLING) == (ClosedPrice(KLING, "2026-11-01", test=False),)
    assert await prices.all() == ()
    assert isinstance(await ledger.admit(admission("h1"), NOW), Created)
    assert await overcharge(ledger, 3, NOW + timedelta(minutes=1)) == [False, False, True]
