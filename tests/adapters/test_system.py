"""The clock tells UTC and never runs backwards; the entropy is as long as was asked."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.system import SystemClock, SystemEntropy


def test_now_is_aware_utc_and_current() -> None:
    now = SystemClock().now()

    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_monotonic_never_runs_backwards() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]

    assert readings == sorted(readings)


@pytest.mark.parametrize("size", [1, 16, 32, 5000])
def test_tokens_have_the_size_asked_for(size: int) -> None:
    assert len(SystemEntropy().token(size)) == size


def test_tokens_differ() -> None:
    assert len({SystemEntropy().token(16) for _ in range(100)}) == 100
