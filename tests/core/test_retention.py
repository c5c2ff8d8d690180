"""What ended stays ninety days, and what is open stays."""

from datetime import timedelta

from gateway.core.ledger import State
from gateway.core.retention import ENDED, ended_at, horizon
from tests.adapters.redis.holds import admission
from tests.doubles import NOON


def test_what_ended_ninety_days_ago_may_go() -> None:
    assert horizon(NOON) == NOON - timedelta(days=90)


def test_a_hold_has_ended_when_nothing_is_held_for_it_and_it_exists() -> None:
    assert set(State) - {State.NONE, State.HELD, State.IN_DOUBT, State.CAPTURED, State.LOST} == ENDED


def test_no_hold_ends_before_it_began() -> None:
    hold = admission("h1", created_at=NOON).hold
    assert ended_at(hold, NOON + timedelta(hours=1)) == NOON + timedelta(hours=1)
    assert ended_at(hold, NOON - timedelta(days=400)) == NOON
