"""Histograms that cost next to nothing to feed, for what happens several times in every submit.

The library's own take a lock for every bucket, for the sum, and search the buckets one by one. Here one thread
observes, so that an observation is a search and two additions; whoever renders may see one of the two without the
other, and the next scrape sees both.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString


class Series:
    """The observations under one set of labels."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


class Histograms:
    """A collector of one metric: a series for every set of labels that it was asked for. They must be bounded."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._bounds = bounds
        self._series: dict[tuple[str, ...], Series] = {}

    def __call__(self, *labels: str) -> Series:
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series(self._bounds)
        return series

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, series in list(self._series.items()):
            counts, total, buckets = list(series.counts), 0, []
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                total += count
                buckets.append((floatToGoString(bound), float(total)))
            family.add_metric(labels, buckets, series.sum)
        yield family
