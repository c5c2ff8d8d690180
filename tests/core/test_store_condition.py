"""What a store must be: each thing it can lack closes it by itself, and two of them an operator can put up with."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.store_condition import Allowance, Condition, failings

SOUND = Condition(
    version="7.0.15",
    run="r1",
    role="master",
    eviction="noeviction",
    append_only=True,
    written=True,
    used=2_000,
    limit=3_000,
    skew=timedelta(),
)


def test_a_sound_store() -> None:
    assert list(failings(SOUND, ())) == []


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ({"role": "slave"}, "primary"),
        ({"version": "6.2.14"}, "version"),
        ({"version": "unknown"}, "version"),
        ({"append_only": False}, "durable"),
        ({"written": False}, "durable"),
        ({"eviction": "allkeys-lru"}, "keeps"),
        ({"eviction": "volatile-ttl"}, "keeps"),
        ({"limit": 2_000}, "room"),
        ({"refused_script": "NOPERM"}, "scripts"),
        ({"skew": timedelta(seconds=2, microseconds=1)}, "clock"),
        ({"skew": -timedelta(seconds=3)}, "clock"),
    ],
)
def test_one_thing_wrong(wrong: dict[str, Any], check: str) -> None:
    [finding] = failings(replace(SOUND, **wrong), ())
    assert finding.check == check
    assert finding.sentence.endswith(".")
    assert finding.step.endswith(".")


@pytest.mark.parametrize("version", ["7.0.0", "7.2.4", "8.2.3", "10.0"])
@pytest.mark.parametrize("seconds", [2, -2])
def test_what_is_just_allowed(version: str, seconds: int) -> None:
    assert list(failings(replace(SOUND, version=version, skew=timedelta(seconds=seconds)), ())) == []


@pytest.mark.parametrize(
    ("wrong", "allowance"),
    [
        ({"append_only": False}, Allowance.VOLATILE),
        ({"append_only": False, "written": False}, Allowance.VOLATILE),
        ({"eviction": "allkeys-lru"}, Allowance.EVICTING),
    ],
)
def test_what_an_operator_puts_up_with_by_name(wrong: dict[str, Any], allowance: Allowance) -> None:
    lacking = replace(SOUND, **wrong)
    assert list(failings(lacking, [allowance])) == []
    [other] = set(Allowance) - {allowance}
    [finding] = failings(lacking, [other])
    assert f"TOLLHOUSE_STORE_ALLOW={allowance}" in finding.step


def test_a_full_or_old_store_is_never_put_up_with() -> None:
    found = failings(replace(SOUND, used=3_000, version="6.0.1", role="slave"), list(Allowance))
    assert [finding.check for finding in found] == ["primary", "version", "room"]


def test_without_a_limit_nothing_is_full() -> None:
    assert list(failings(replace(SOUND, limit=0), ())) == []


@pytest.mark.parametrize("limit", [1, 1_999, 2_000])
def test_a_full_store_is_told_a_limit_that_it_is_not_above(limit: int) -> None:
    [finding] = failings(replace(SOUND, limit=limit), ())
    assert "CONFIG SET maxmemory 4000." in finding.step
    assert list(failings(replace(SOUND, limit=4_000), ())) == []


def test_everything_wrong_is_told_at_once() -> None:
    wreck = replace(SOUND, role="slave", eviction="allkeys-lru", append_only=False, skew=timedelta(minutes=1))
    assert len(list(failings(wreck, ()))) == 4
