"""A rate has room for its burst at once, and then for one in each interval."""

from datetime import UTC, datetime, timedelta

from gateway.core.account import AccountScope, RateDemand
from gateway.core.admission import OverRate
from gateway.core.arrivals import arrive

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RATE = RateDemand("submits", AccountScope.TEAM, "video", 1_000_000, 2)
OTHER = RateDemand("submits", AccountScope.KEY, "k1", 60_000_000, 1)


def test_a_burst_passes_and_then_one_in_each_interval() -> None:
    known = {}
    for seconds, passes in ((0, True), (0, True), (0, False), (1, True), (1, False), (3, True), (3, True), (3, False)):
        arrived = arrive(known, [RATE], NOW + timedelta(seconds=seconds))
        assert isinstance(arrived, dict) is passes
        known |= arrived if isinstance(arrived, dict) else {}


def test_the_first_without_room_is_named_and_nothing_is_taken() -> None:
    known = arrive({}, [RATE, OTHER], NOW)
    assert isinstance(known, dict)
    assert len(known) == 2
    assert arrive(known, [RATE, OTHER], NOW) == OverRate(OTHER, 60_000_000)
