"""Our histograms say what the library's own say of the same observations."""

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest

from gateway.adapters.histograms import Histograms

BOUNDS = (0.001, 0.5, 1, 30)
VALUES = st.lists(st.tuples(st.sampled_from(["hold", "move"]), st.integers(0, 2**16).map(lambda n: n / 1024)))


@given(VALUES)
@example([("hold", 0.0), ("hold", 0.001), ("hold", 0.5), ("move", 0.75), ("move", 30.0), ("move", 31.0)])
def test_what_is_scraped_is_what_the_library_would_say(values: list[tuple[str, float]]) -> None:
    disable_created_metrics()
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histograms = Histograms("seconds", "Time.", ("operation",), BOUNDS)
    ours.register(histograms)
    library = Histogram("seconds", "Time.", ("operation",), registry=theirs, buckets=BOUNDS)
    for operation, value in values:
        histograms(operation).observe(value)
        library.labels(operation).observe(value)
    assert generate_latest(ours) == generate_latest(theirs)
