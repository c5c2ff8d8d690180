"""When an event is sent again, and when no more: the provider's own schedule."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery import ANSWER_WITHIN, LEASE, WAITS, Attempt, DeliveryState, Next, after, event_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_six_calls_then_it_is_given_up() -> None:
    now, gaps = NOW, []
    for tries in range(6):
        then = after(tries, Attempt(now, "status 500"))
        if then.due is None:
            assert (tries, then.state) == (5, DeliveryState.FAILED)
            break
        assert then.state is DeliveryState.PENDING
        gaps.append((then.due - now).total_seconds())
        now = then.due
    assert gaps == [1, 4, 16, 64, 256]


@given(st.integers(0, 20))
def test_delivered_is_delivered(tries: int) -> None:
    assert after(tries, Attempt(NOW, "status 204", delivered=True)) == Next(DeliveryState.SENT, None)


@given(st.integers(len(WAITS), 1000))
def test_nothing_is_tried_for_ever(tries: int) -> None:
    assert after(tries, Attempt(NOW, "no connection")) == Next(DeliveryState.FAILED, None)


def test_an_event_is_named_by_its_hold() -> None:
    assert event_id("hold_4f9a") == "evt_4f9a"


def test_a_lease_outlasts_an_attempt() -> None:
    assert ANSWER_WITHIN + timedelta(seconds=10) <= LEASE
