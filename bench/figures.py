"""Figures out of many measurements, and the verdict on them: pure arithmetic.

The rule of this file: noise only ever makes things look worse or better by chance, so medians decide, never means and
never the best of several.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

LEAST_RATIO: Final = 0.85
MOST_ADDED_S: Final = 0.001
MOST_GROWTH: Final = 1.5


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed. `ordered` is sorted and not empty."""
    rank = -(-len(ordered) * round(share * 1000) // 1000)
    return ordered[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of latencies, in seconds."""

    p50: float
    p99: float

    def __sub__(self, other: "Spread") -> "Spread":
        return Spread(self.p50 - other.p50, self.p99 - other.p99)


def spread(latencies: Sequence[float]) -> Spread:
    ordered = sorted(latencies)
    return Spread(percentile(ordered, 0.50), percentile(ordered, 0.99))


def middle(spreads: Sequence[Spread]) -> Spread:
    """The median of several rounds, each percentile by itself."""
    return Spread(median(one.p50 for one in spreads), median(one.p99 for one in spreads))


@dataclass(frozen=True, slots=True)
class Pair:
    """Answers per second of the bare proxy and of ours, measured one right after the other."""

    bare: float
    ours: float

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


@dataclass(frozen=True, slots=True)
class Growth:
    """What one submit took while there were few of something, and while there were many: p50 in seconds."""

    what: str
    few: float
    many: float

    @property
    def ratio(self) -> float:
        return self.many / self.few


@dataclass(frozen=True, slots=True)
class Judgement:
    """One requirement: what it says, what was found, and whether that is enough."""

    sentence: str
    met: bool


def judge_pairs(pairs: Sequence[Pair], added: Spread) -> tuple[Judgement, ...]:
    """`added` is what a submit through us takes longer than one without us, alone on the machine."""
    ratios = [pair.ratio for pair in pairs]
    found = median(ratios)
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return (
        Judgement(
            f"throughput is {found:.2f} of the bare proxy's (median of {listed}; at least {LEAST_RATIO})",
            found >= LEAST_RATIO,
        ),
        Judgement(
            f"added p50 at concurrency 1 is {added.p50 * 1000:.3f} ms (below {MOST_ADDED_S * 1000:.0f} ms)",
            added.p50 < MOST_ADDED_S,
        ),
    )


def judge_growth(growth: Growth) -> Judgement:
    sentence = f"{growth.what}: p50 is {growth.ratio:.2f} of what it is with few (at most {MOST_GROWTH})"
    return Judgement(sentence, growth.ratio <= MOST_GROWTH)
