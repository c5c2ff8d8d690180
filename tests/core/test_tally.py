"""Sums by team and by what refused: what changed is counted apart."""

from datetime import UTC, datetime

from gateway.core.refused import Why
from gateway.core.tally import Share, Tally

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OVER = Why("BUDGET_EXCEEDED", "monthly", "team")


def test_each_of_the_four_is_counted_where_it_belongs() -> None:
    tally = Tally()
    for refused, happened in ((None, None), (None, OVER), (OVER, None), (OVER, OVER), (Why("QUOTA_EXCEEDED"), OVER)):
        tally.note("video", NOW, 7, refused, happened)
    tally.charge("video", 5)
    tally.charge("video", -2)
    sums = tally.teams["video"]
    assert (sums.admitted, sums.refused) == (Share(2, 14, NOW), Share(3, 21, NOW))
    assert (sums.newly_admitted, sums.newly_refused) == (Share(1, 7, NOW), Share(1, 7, NOW))
    assert (sums.charged, tally.changed) == (3, 3)
    assert tally.refusals == {("video", OVER): Share(2, 14, NOW), ("video", Why("QUOTA_EXCEEDED")): Share(1, 7, NOW)}
