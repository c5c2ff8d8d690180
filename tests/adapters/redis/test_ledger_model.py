"""The ledger against its model in a real store: every reply, balance, index and entry, after every step.

`pytest -s` prints the seed and how often each kind of answer was seen; `--hypothesis-seed=N` runs the same again.
"""

import random
from collections import Counter

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.adapters.redis.ledger_machine import LedgerMachine

STEPS_OF_A_LIFE = 50


def explore(url: str, lives: int, seed: int) -> Counter[str]:
    """Let that many stores live, and count what they answered."""
    counts: Counter[str] = Counter()

    @hypothesis.seed(seed)
    class Life(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(url, counts)

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=STEPS_OF_A_LIFE,
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


def test_the_store_does_what_the_model_does(store_url: str, seed: int) -> None:
    counts = explore(store_url, lives=200, seed=seed)
    print(dict(counts.most_common()))

    assert counts["steps"] >= 10_000
    for kind in ("admitted", "refused", "captured", "voided", "repeated"):
        assert counts[kind] >= 500, f"only {counts[kind]} {kind}"


@pytest.mark.long
def test_the_store_does_what_the_model_does_for_long(store_url: str, seed: int) -> None:
    counts = explore(store_url, lives=1_000, seed=seed)
    print(dict(counts.most_common()))

    assert counts["steps"] >= 50_000
