"""The clock tells UTC and never runs backwards; the entropy is as long as was asked."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.system import SystemClock, SystemEntropy, machine_boot


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


def test_the_machines_boot_is_what_the_system_says_and_stays() -> None:
    assert (machine_boot() is not None) == sys.platform.startswith("linux")
    assert machine_boot() == machine_boot()


@pytest.mark.parametrize(("said", "boot"), [("6f1e-04\n", "6f1e-04"), ("\n", None), ("", None), ("ü", None)])
def test_a_boot_that_nobody_can_tell_is_none(tmp_path: Path, said: str, boot: str | None) -> None:
    (tmp_path / "boot_id").write_text(said, encoding="utf-8")
    assert machine_boot(tmp_path / "boot_id") == boot


def test_a_system_without_boots_has_none(tmp_path: Path) -> None:
    assert machine_boot(tmp_path / "boot_id") is None
