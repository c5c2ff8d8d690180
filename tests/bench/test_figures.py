"""Percentiles, ratios and the verdict of the benchmark."""

import pytest

from bench.figures import Growth, Pair, Spread, judge_growth, judge_pairs, middle, percentile, spread


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([7.0], 0.5, 7.0),
        ([7.0], 0.99, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found


def test_a_spread_is_of_values_in_any_order() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 3.0)


def test_one_disturbed_round_of_three_changes_nothing_much() -> None:
    assert middle([Spread(1.0, 9.0), Spread(100.0, 100.0), Spread(2.0, 8.0)]) == Spread(2.0, 9.0)


def verdict(*ratios: float, added: float = 0.0005) -> list[bool]:
    pairs = [Pair(1000.0, 1000.0 * ratio) for ratio in ratios]
    return [one.met for one in judge_pairs(pairs, Spread(added, 1.0))]


@pytest.mark.parametrize(
    ("ratios", "met"),
    [
        ((0.85,), True),
        ((0.8499,), False),
        ((0.2, 0.86, 0.9, 0.3, 0.87), True),
        ((1.9, 0.84, 0.84, 0.3, 1.9), False),
    ],
)
def test_the_median_of_the_pairs_decides(ratios: tuple[float, ...], met: bool) -> None:
    assert verdict(*ratios) == [met, True]


@pytest.mark.parametrize(("added", "met"), [(0.000999, True), (0.001, False), (-0.1, True)])
def test_what_is_added_must_be_below_a_millisecond(added: float, met: bool) -> None:
    assert verdict(1.0, added=added) == [True, met]


@pytest.mark.parametrize(("many", "met"), [(0.0015, True), (0.00151, False), (0.0001, True)])
def test_many_may_cost_half_as_much_again(many: float, met: bool) -> None:
    judged = judge_growth(Growth("1,000,000 keys", 0.001, many))
    assert judged.met == met
    assert judged.sentence.startswith("1,000,000 keys: p50 is")
