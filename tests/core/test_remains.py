"""A hold was never sent only where all that its sender wrote is there, and this hold is not in it."""

import pytest

from gateway.core.remains import Predecessor


@pytest.mark.parametrize(("whole", "hold_id", "never"), [(True, "h2", True), (True, "h1", False), (False, "h2", False)])
def test_silence_is_evidence_only_in_a_whole_journal(whole: bool, hold_id: str, never: bool) -> None:
    assert Predecessor("b1", whole, frozenset({"h1"})).never_sent(hold_id) is never
