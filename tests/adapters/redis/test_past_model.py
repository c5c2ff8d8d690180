"""Years of a store, with gateways that sweep at random: what goes is exactly what is old, and nothing else notices.

`pytest -s` prints the seed and how often each thing was seen; `--hypothesis-seed=N` runs the same again.
"""

import random
from collections import Counter

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.adapters.redis.past_machine import PastMachine


def explore(url: str, lives: int, seed: int) -> Counter[str]:
    counts: Counter[str] = Counter()

    @hypothesis.seed(seed)
    class Life(PastMachine):
        def __init__(self) -> None:
            super().__init__(url, counts)

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=40,
            derandomize=False,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return counts


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The one asked for by `--hypothesis-seed`, or a fresh one; printed, so that any run can be had again."""
    asked = request.config.getoption("--hypothesis-seed")
    chosen = random.getrandbits(32) if asked is None else int(asked)
    print(f"\nagain with: --hypothesis-seed={chosen}")
    return chosen


def test_what_is_swept_is_what_is_old(store_url: str, seed: int) -> None:
    counts = explore(store_url, lives=100, seed=seed)
    print(dict(counts.most_common()))

    for kind in ("holds gone", "accounts gone", "swept clean"):
        assert counts[kind] >= 100, f"only {counts[kind]} {kind}"
    for kind in ("holds put right", "accounts that hold", "late more", "late less"):
        assert counts[kind] >= 1, f"no {kind}"
