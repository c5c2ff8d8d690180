"""Charges that are not what was quoted, summed by model and rate card."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.price_drift import Charges, Drift, drifted, drifts


@pytest.mark.parametrize(("cost", "drift"), [(98, True), (99, False), (100, False), (101, False), (102, True)])
def test_one_micro_usd_is_rounding(cost: int, drift: bool) -> None:
    assert drifted(100, cost) == drift
    assert bool(drifts([Charges("m", "c", 100, cost)])) == drift


def test_above_and_below_are_summed_apart_by_model_and_rate_card() -> None:
    found = drifts(
        [
            Charges("b", "2", 100, 110, jobs=3),
            Charges("b", "2", 200, 205),
            Charges("b", "2", 100, 60, jobs=2),
            Charges("b", "1", 100, 90),
            Charges("a", "2", 100, 100, jobs=9),
        ]
    )
    assert found == (Drift("b", "1", 0, 0, 1, 10), Drift("b", "2", 4, 35, 2, 80))


@given(
    st.lists(st.builds(Charges, st.just("m"), st.just("c"), st.integers(0, 9), st.integers(0, 9), st.integers(1, 3)))
)
def test_the_sum_of_all_is_what_was_charged_beyond_the_quotes(charges: list[Charges]) -> None:
    off = sum((one.cost - one.quoted) * one.jobs for one in charges if drifted(one.quoted, one.cost))
    assert sum(line.above - line.below for line in drifts(charges)) == off
