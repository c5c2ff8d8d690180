"""The poller rests longer the less it learns, and never less than it was asked to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pace import Pace, Round, asked_to_wait, rest
from gateway.core.reply import Reply

PACE = Pace(shortest=2, longest=30, per_call=0.1)
CHANCE = st.floats(0, 1)


def too_many(**details: object) -> Reply:
    error = {"code": "CONCURRENT_JOBS_EXCEEDED", "message": "", "details": details}
    return Reply(429, {}, json.dumps({"error": error}).encode())


def test_without_news_it_backs_off_up_to_a_cap() -> None:
    rests = [rest(PACE, quiet, Round(1, news=False), 0.5) for quiet in range(8)]
    assert rests == [2, 4, 8, 16, 30, 30, 30, 30]


def test_many_calls_are_spread_over_time() -> None:
    assert rest(PACE, 0, Round(100, news=True), 0.5) == 10


@given(st.integers(0, 10**6), st.integers(0, 1000), CHANCE)
def test_jitter_spreads_and_never_breaks_a_promise(quiet: int, calls: int, chance: float) -> None:
    rested = rest(PACE, quiet, Round(calls, news=False), chance)
    assert 0.75 * max(PACE.shortest, calls * PACE.per_call) <= rested
    assert rested <= 1.25 * max(PACE.longest, calls * PACE.per_call)


@given(st.floats(0, 3600), CHANCE)
def test_it_never_comes_back_sooner_than_asked(asked: float, chance: float) -> None:
    assert rest(PACE, 0, Round(1, news=False, retry_after=asked), chance) >= asked


def test_what_a_429_asks_for() -> None:
    assert asked_to_wait(too_many(retryAfter=30)) == 30
    assert asked_to_wait(too_many(retryAfter=0.5)) == 0.5
    assert asked_to_wait(Reply(200, {}, b"{}")) is None


@pytest.mark.parametrize("named", [-1, True, "30", None, 1e9])
def test_a_wish_that_cannot_be_read_is_still_a_429(named: object) -> None:
    assert asked_to_wait(too_many(retryAfter=named)) == 0
    assert asked_to_wait(Reply(429, {}, b"<html>")) == 0
