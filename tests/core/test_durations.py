"""How long jobs of a model run is the median of those that ended, and of all where none of that model did."""

from datetime import timedelta

from gateway.core.durations import Durations, durations

MINUTE = timedelta(minutes=1)


def test_the_median_of_a_model_and_of_all() -> None:
    found = durations([("a", MINUTE), ("a", 9 * MINUTE), ("a", 2 * MINUTE), ("b", 5 * MINUTE)])
    assert (found.of("a"), found.of("b"), found.of("c")) == (2 * MINUTE, 5 * MINUTE, 2 * MINUTE)


def test_where_nothing_ended_it_is_a_while() -> None:
    assert durations([]) == Durations()
    assert Durations().of("a") == MINUTE
