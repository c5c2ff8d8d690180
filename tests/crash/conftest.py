"""What chance decides in this folder can be had again."""

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """The one asked for by `CRASH_SEED`, or a fresh one; printed, so that any run can be had again."""
    chosen = int(os.environ.get("CRASH_SEED") or random.getrandbits(32))
    print(f"\nagain with: CRASH_SEED={chosen}")
    return chosen
