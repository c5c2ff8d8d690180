"""Our counters say what the library's own say of the same counts."""

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, generate_latest

from gateway.adapters.counters import Counters

COUNTS = st.lists(
    st.tuples(st.sampled_from(["video", 'a "quoted" one']), st.integers(0, 2**16).map(lambda n: n / 1024))
)


@given(COUNTS)
@example([("video", 0.0), ("video", 1), ("audio", 0.7), ("video", 0.7)])
def test_what_is_scraped_is_what_the_library_would_say(counts: list[tuple[str, float]]) -> None:
    disable_created_metrics()
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counters = Counters("cost_usd", "USD.", ("team", "model"))
    ours.register(counters)
    library = Counter("cost_usd", "USD.", ("team", "model"), registry=theirs)
    for team, amount in counts:
        counters.add(amount, team, "a/model")
        library.labels(team, "a/model").inc(amount)
    assert generate_latest(ours) == generate_latest(theirs)
