"""Findings are known by the checks that made them."""

from gateway.core.finding import Finding, names


def test_names() -> None:
    found = (Finding("clock", "It is late.", "Wind it."), Finding("clock", "It ticks.", "Listen."))
    assert names(found) == {"clock"}
    assert names(()) == frozenset()
