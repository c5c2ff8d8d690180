"""What is still ahead of a page of holds, and the cursor that says where it ended."""

import pytest

from gateway.core.cursor import write_cursor
from gateway.core.hold_list import HoldPlace, HoldsWanted, Stand, hold_cursor, read_hold_cursor
from gateway.core.ledger import State

AT = Stand(7, "hold_1")


def test_all_states_in_their_order_and_one_alone() -> None:
    assert HoldsWanted().ahead == ((State.IN_DOUBT, None), (State.HELD, None), (State.LOST, None))
    assert HoldsWanted(state=State.HELD).ahead == ((State.HELD, None),)


def test_a_page_goes_on_where_one_ended_and_not_with_what_is_before() -> None:
    behind = HoldPlace(State.HELD, AT)
    assert HoldsWanted(after=behind).ahead == ((State.HELD, AT), (State.LOST, None))
    assert HoldsWanted(after=behind, state=State.LOST).ahead == ((State.LOST, None),)
    assert HoldsWanted(after=behind, state=State.IN_DOUBT).ahead == ()


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.HELD, State.LOST])
def test_a_cursor_names_the_place(state: State) -> None:
    assert read_hold_cursor(hold_cursor(HoldPlace(state, AT))) == HoldPlace(state, AT)


@pytest.mark.parametrize("parts", [(), ("held",), ("captured", 1, "h"), (1, 1, "h"), ("lost", -1, "h"), ("held", 1)])
def test_what_no_page_named_is_none(parts: tuple[str | int, ...]) -> None:
    assert read_hold_cursor(write_cursor(*parts)) is None
    assert read_hold_cursor("?") is None
