"""What an entry of a hold was, read from its name and its facts."""

from datetime import UTC, datetime

import pytest

from gateway.core.ledger import TRANSITIONS, Flow, Outcome
from gateway.core.recorded import FLOWS, Later, Life, Turn

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def later(kind: str, **facts: str) -> Later:
    return Later("h1", NOW, kind, facts, ())


def test_a_name_means_one_flow_wherever_the_table_has_it() -> None:
    for row in TRANSITIONS.values():
        for step in row.values():
            assert FLOWS[step.outcome] is step.flow


@pytest.mark.parametrize(
    ("entries", "turns"),
    [
        ([later("captured", cost="80")], [Turn(Flow.POST_HELD, 80)]),
        ([later("captured")], [Turn(Flow.POST_HELD, 100)]),
        ([later("doubted"), later("voided")], [Turn(Flow.NOTHING), Turn(Flow.RELEASE)]),
        ([later("voided"), later("overage", cost="120")], [Turn(Flow.RELEASE), Turn(Flow.POST_ANEW, 120)]),
        (
            [later("captured", cost="80"), later("refunded", refunded="80"), later("adjusted", refunded="30")],
            [Turn(Flow.POST_HELD, 80), Turn(Flow.RETURN, 80), Turn(Flow.CORRECT, 80, 30)],
        ),
        (
            [later("captured", cost="80"), later("rebound", cost="95")],
            [Turn(Flow.POST_HELD, 80), Turn(Flow.CORRECT, 95, 80)],
        ),
        (
            [later("captured", cost="80"), later("lost"), later("refunded_late", refunded="80")],
            [Turn(Flow.POST_HELD, 80), Turn(Flow.END), Turn(Flow.RETURN_MONEY, 80)],
        ),
        ([later("something of a newer version")], [Turn(Flow.NOTHING)]),
    ],
)
def test_each_entry_is_the_step_that_it_was(entries: list[Later], turns: list[Turn]) -> None:
    life = Life(100)
    assert [life.turn(one) for one in entries] == turns


def test_what_ends_a_job_late_moves_nothing() -> None:
    assert FLOWS[Outcome.FINISHED_LATE] is Flow.NOTHING
