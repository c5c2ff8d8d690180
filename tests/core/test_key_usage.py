"""What a key was used for: each job's money on the day of its submit, whenever it moved."""

from datetime import UTC, date, datetime, timedelta

from gateway.core.key_usage import Asked, Sum, Turned, usage
from gateway.core.recorded import Later

FIRST = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
NEXT = FIRST + timedelta(minutes=2)


def later(hold: str, kind: str, **facts: str) -> Later:
    return Later(hold, NEXT, kind, facts, ())


def test_every_way_that_a_hold_may_go() -> None:
    asked = [Asked(name, FIRST, 100) for name in ("open", "voided", "charged", "back", "part", "late")]
    told = usage(
        [*asked, Asked("next", NEXT, 7)],
        [
            later("voided", "voided"),
            later("charged", "captured", cost="90"),
            later("back", "captured", cost="100"),
            later("back", "refunded", refunded="100"),
            later("part", "captured"),
            later("part", "refunded", refunded="100"),
            later("part", "adjusted", refunded="60"),
            later("late", "voided"),
            later("late", "overage", cost="130"),
            later("next", "doubted"),
        ],
        [Turned("BUDGET_EXCEEDED", "month", 2, 200)],
    )
    assert told.days == ((date(2026, 11, 23), Sum(6, 100, 420, 160)), (date(2026, 11, 24), Sum(1, 7, 0, 0)))
    assert told.total == Sum(7, 107, 420, 160)
    assert told.refused == (Turned("BUDGET_EXCEEDED", "month", 2, 200),)


def test_nothing_is_nothing() -> None:
    assert usage([], [], []).total == Sum()
