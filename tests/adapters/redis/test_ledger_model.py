"""The ledger against its model in a real store: every reply, balance, index and entry, after every step.

`pytest -s` prints the seed and how often each kind of answer was seen; `--hypothesis-seed=N` runs the same again.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.adapters.redis.ledger_machine import LedgerMachine
from tests.rigs.storage import Storage, storage

STEPS_OF_A_LIFE = 50


def explore(storage: Storage, lives: int, seed: int) -> Counter[str]:
    """Let that many stores live, and count what they answered."""
    counts: Counter[str] = Counter()

    @hypothesis.seed(seed)
    class Life(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(storage, counts)

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


@pytest.fixture
def own_storage() -> Iterator[Storage]:
    """A store that the test may kill."""
    # Not pytest's directory: a socket's path may have about 100 characters.
    with tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp") as directory, storage(Path(directory) / "m") as store:
        asyncio.run(store.start())
        yield store


def test_the_store_does_what_the_model_does(own_storage: Storage, seed: int) -> None:
    counts = explore(own_storage, lives=200, seed=seed)
    print(dict(counts.most_common()))

    assert counts["steps"] >= 10_000
    for kind in ("admitted", "refused", "captured", "voided", "repeated"):
        assert counts[kind] >= 500, f"only {counts[kind]} {kind}"
    for kind in ("stale", "unheard", "adopted", "thawed", "closed", "doubted"):
        assert counts[kind] >= 100, f"only {counts[kind]} {kind}"
    assert counts["restarts"] >= 10


@pytest.mark.long
def test_the_store_does_what_the_model_does_for_long(own_storage: Storage, seed: int) -> None:
    counts = explore(own_storage, lives=500, seed=seed)
    print(dict(counts.most_common()))

    assert counts["steps"] >= 20_000
    for kind in ("stale", "unheard", "adopted", "thawed", "closed", "doubted"):
        assert counts[kind] >= 250, f"only {counts[kind]} {kind}"
    assert counts["restarts"] >= 25
