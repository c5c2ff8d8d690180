"""A hold is called absent after two whole walks, long enough after the submit and after one another."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.absence import ANSWERED_APART, Gone, Missed, Patience, back_to, missed, patience
from tests.core.test_evidence import hold

TEN = timedelta(minutes=10)
WAIT = Patience(TEN, TEN)
HOLD = hold()
SECONDS = st.integers(-100, 3000).map(lambda seconds: HOLD.deadline + timedelta(seconds=seconds))


def test_a_walk_before_its_time_counts_for_nothing() -> None:
    assert missed(HOLD, HOLD.deadline + TEN - timedelta(seconds=1), None, WAIT) is None


def test_the_first_walk_that_counts_is_remembered_and_voids_nothing() -> None:
    at = HOLD.deadline + TEN
    assert missed(HOLD, at, None, WAIT) == Missed(at)
    assert missed(HOLD, at + TEN - timedelta(seconds=1), at, WAIT) == Missed(at)


def test_the_second_walk_as_long_again_after_the_first_is_the_evidence() -> None:
    at = HOLD.deadline + TEN
    assert missed(HOLD, at + TEN, at, WAIT) == Gone(at, at + TEN)


def test_after_an_answer_in_the_documented_form_the_second_may_come_sooner() -> None:
    assert patience(TEN, answered=True) == Patience(TEN, ANSWERED_APART)
    assert patience(TEN, answered=False) == WAIT
    assert patience(timedelta(seconds=1), answered=True) == Patience(timedelta(seconds=1), timedelta(seconds=1))


def test_a_walk_must_come_back_past_the_submit() -> None:
    assert back_to(HOLD) == HOLD.created_at - timedelta(seconds=60)


@given(st.lists(SECONDS, max_size=20).map(sorted))
def test_whenever_walks_come_two_that_count_are_far_enough_apart(walks: list[datetime]) -> None:
    first = None
    for at in walks:
        match missed(HOLD, at, first, WAIT):
            case Missed(since):
                first = since
            case Gone(since, second):
                assert since >= HOLD.deadline + TEN
                assert second - since >= TEN
                return
            case None:
                assert first is None
