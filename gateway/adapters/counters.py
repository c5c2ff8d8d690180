"""Counters that cost next to nothing to feed, for what happens in every submit.

The library's own take a lock for every count, and look a series up for longer than that. Here one thread counts, so
that a count is an addition.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, Metric


class Counters:
    """A collector of one metric: a sum for every set of labels that was counted under. They must be bounded."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._sums: defaultdict[tuple[str, ...], float] = defaultdict(float)

    def add(self, amount: float, *labels: str) -> None:
        """Add `amount`, which is not negative, to the series of these labels."""
        self._sums[labels] += amount

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, total in list(self._sums.items()):
            family.add_metric(labels, total)
        yield family
