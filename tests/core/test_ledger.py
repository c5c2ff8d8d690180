"""A hold's life is the table that was agreed, whole; and what moves adds up."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Meter
from gateway.core.ledger import TRANSITIONS, Charge, Flow, Hold, Outcome, State, Verb, moves, steps
from gateway.core.money import MAX_AMOUNT
from tests.core.hold_life import page, sample

PAGE = Path(__file__).parents[2] / "docs" / "hold-life.md"

# As agreed, a line for each state; bold is where the hold goes.
AGREED = """
| (none) | **captured** (adopted) | tombstone | missing | missing | missing | missing | missing | missing |
| held | **captured** | **voided** | **in_doubt** | not yet | not yet | not yet | not yet | not yet |
| in_doubt | **captured** | **voided** | already | not yet | not yet | not yet | not yet | not yet |
| captured | already | refused | already captured | **finished** | **refunded** | not yet | **lost** | **rebound** |
| lost | already | refused | already | **finished** (late) | **refunded** (late) | not yet | already | anomaly |
| finished | already | refused | already | already | anomaly | refused | already | anomaly |
| refunded | already | refused | already | anomaly | already | **adjusted** | already | anomaly |
| voided | anomaly: overage | already | refused | refused | refused | refused | refused | refused |
"""

MEANS = {
    "**captured** (adopted)": (Outcome.ADOPTED, State.CAPTURED),
    "**captured**": (Outcome.CAPTURED, State.CAPTURED),
    "anomaly: overage": (Outcome.OVERAGE, State.CAPTURED),
    "tombstone": (Outcome.TOMBSTONED, State.VOIDED),
    "**voided**": (Outcome.VOIDED, State.VOIDED),
    "**in_doubt**": (Outcome.DOUBTED, State.IN_DOUBT),
    "**finished**": (Outcome.FINISHED, State.FINISHED),
    "**refunded**": (Outcome.REFUNDED, State.REFUNDED),
    "**adjusted**": (Outcome.ADJUSTED, State.REFUNDED),
    "**lost**": (Outcome.LOST, State.LOST),
    "**rebound**": (Outcome.REBOUND, State.CAPTURED),
    "**finished** (late)": (Outcome.FINISHED_LATE, State.FINISHED),
    "**refunded** (late)": (Outcome.REFUNDED_LATE, State.REFUNDED),
    "missing": (Outcome.MISSING, None),
    "not yet": (Outcome.NOT_YET, None),
    "already": (Outcome.ALREADY, None),
    "already captured": (Outcome.ALREADY, None),
    "refused": (Outcome.REFUSED, None),
    "anomaly": (Outcome.ANOMALY, None),
}

CHARGES = st.lists(
    st.builds(
        Charge,
        account=st.sampled_from(("a", "b", "c", "d")),
        meter=st.sampled_from(Meter),
        amount=st.integers(0, MAX_AMOUNT),
        ends_at=st.none(),
    )
).map(tuple)
COSTS = st.integers(0, MAX_AMOUNT)


def agreed() -> Iterator[tuple[Verb, State, Outcome, State | None]]:
    for line in AGREED.strip().splitlines():
        state, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for verb, cell in zip(Verb, cells, strict=True):
            yield verb, State.NONE if state == "(none)" else State(state), *MEANS[cell]


def test_every_verb_has_an_answer_in_every_state() -> None:
    assert {verb: set(row) for verb, row in TRANSITIONS.items()} == {verb: set(State) for verb in Verb}


@pytest.mark.parametrize(("verb", "state", "outcome", "becomes"), list(agreed()))
def test_the_table_is_the_one_agreed(verb: Verb, state: State, outcome: Outcome, becomes: State | None) -> None:
    step = TRANSITIONS[verb][state]

    assert (step.outcome, step.becomes) == (outcome, becomes)


def test_what_stays_where_it_is_moves_nothing() -> None:
    staying = [step for row in TRANSITIONS.values() for step in row.values() if step.becomes is None]

    assert {step.flow for step in staying} == {Flow.NOTHING}


def test_nothing_that_is_over_is_held_again_except_by_the_upstreams_word() -> None:
    for verb, row in TRANSITIONS.items():
        for ended in (State.FINISHED, State.REFUNDED):
            assert row[ended].becomes in (None, ended)
        assert row[State.VOIDED].becomes is (State.CAPTURED if verb is Verb.CAPTURE else None)


@pytest.mark.parametrize("verb", Verb)
def test_only_a_young_hold_is_adopted(verb: Verb) -> None:
    born = datetime(2026, 11, 23, 12, tzinfo=UTC)
    hold = sample((), born)
    week = timedelta(days=7)

    assert steps(verb, hold, born + week - timedelta(microseconds=1)) == TRANSITIONS[verb]
    old = steps(verb, hold, born + week)
    assert old[State.NONE].outcome is (
        Outcome.MISSING if verb is Verb.CAPTURE else TRANSITIONS[verb][State.NONE].outcome
    )
    assert {state: old[state] for state in State if state is not State.NONE} == {
        state: TRANSITIONS[verb][state] for state in State if state is not State.NONE
    }


def added(hold: Hold, *flows: tuple[Flow, int]) -> dict[tuple[str, Meter], tuple[int, int]]:
    """Posted and held of every account and meter, after the admission and then these flows at these costs."""
    total: dict[tuple[str, Meter], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for flow, cost in flows:
        for charge, move in zip(hold.charges, moves(hold, flow, cost), strict=True):
            assert move.account == charge.account
            posted, held = total[charge.account, charge.meter]
            total[charge.account, charge.meter] = (posted + move.posted, held + move.held)
    return dict(total)


def admitted(hold: Hold) -> dict[tuple[str, Meter], int]:
    amounts: dict[tuple[str, Meter], int] = defaultdict(int)
    for charge in hold.charges:
        amounts[charge.account, charge.meter] += charge.amount
    return amounts


@given(CHARGES, COSTS)
def test_a_void_returns_exactly_what_was_held(charges: tuple[Charge, ...], cost: int) -> None:
    hold = sample(charges)

    after = added(hold, (Flow.RELEASE, cost))

    assert after == {where: (0, -amount) for where, amount in admitted(hold).items()}


@given(CHARGES)
def test_a_capture_at_the_held_amount_changes_no_headroom(charges: tuple[Charge, ...]) -> None:
    for charge in charges:
        (move,) = moves(sample((charge,)), Flow.POST_HELD, charge.amount)
        assert move.posted + move.held == 0


@given(CHARGES, COSTS)
def test_a_job_that_ends_leaves_its_cost_its_counts_and_nothing_held(charges: tuple[Charge, ...], cost: int) -> None:
    hold = sample(charges)

    after = added(hold, (Flow.POST_HELD, cost), (Flow.END, cost))

    for (account, meter), amount in admitted(hold).items():
        times = sum((charge.account, charge.meter) == (account, meter) for charge in charges)
        posted = {Meter.USD: cost * times, Meter.IN_FLIGHT: 0}.get(meter, amount)
        assert after[account, meter] == (posted, -amount)


@given(CHARGES, COSTS)
def test_a_refund_of_everything_leaves_the_counts_alone(charges: tuple[Charge, ...], cost: int) -> None:
    hold = sample(charges)

    after = added(hold, (Flow.POST_HELD, cost), (Flow.RETURN, cost))

    for (account, meter), amount in admitted(hold).items():
        counted = 0 if meter in {Meter.USD, Meter.IN_FLIGHT} else amount
        assert after[account, meter] == (counted, -amount)


@given(CHARGES, COSTS, COSTS)
def test_an_adjustment_posts_money_and_nothing_else(charges: tuple[Charge, ...], cost: int, again: int) -> None:
    hold = sample(charges)

    after = added(hold, (Flow.POST_HELD, cost), (Flow.RETURN, cost), (Flow.CORRECT, again))

    for (account, meter), amount in admitted(hold).items():
        times = sum((charge.account, charge.meter) == (account, meter) for charge in charges)
        posted = {Meter.USD: again * times, Meter.IN_FLIGHT: 0}.get(meter, amount)
        assert after[account, meter] == (posted, -amount)


@given(CHARGES, COSTS)
def test_a_refund_of_a_lost_job_comes_to_what_any_refund_comes_to(charges: tuple[Charge, ...], cost: int) -> None:
    hold = sample(charges)

    late = added(hold, (Flow.POST_HELD, cost), (Flow.END, cost), (Flow.RETURN_MONEY, cost))

    assert late == added(hold, (Flow.POST_HELD, cost), (Flow.RETURN, cost))


@given(CHARGES, COSTS)
def test_adoption_is_admission_and_capture_in_one(charges: tuple[Charge, ...], cost: int) -> None:
    hold = sample(charges)
    amounts = admitted(hold)

    captured = added(hold, (Flow.POST_HELD, cost))

    assert added(hold, (Flow.POST_ANEW, cost)) == {
        where: (posted, held + amounts[where]) for where, (posted, held) in captured.items()
    }


@given(CHARGES, COSTS)
def test_where_nothing_flows_nothing_moves(charges: tuple[Charge, ...], cost: int) -> None:
    assert all(where == (0, 0) for where in added(sample(charges), (Flow.NOTHING, cost)).values())


def test_the_page_about_it_is_what_the_table_says() -> None:
    assert PAGE.read_text() == page(), "python -m tests.core.hold_life > docs/hold-life.md"
