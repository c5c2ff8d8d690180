"""Which entries may follow which, and what a gap means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.acceptance import Witness
from gateway.core.export import Cut, Fork, Gap, explained, following, remembered
from gateway.core.history import Memory
from tests.adapters.sql.lines import line, resume

CURSOR = Witness("e.1", 3, "h3")


def test_from_the_beginning() -> None:
    assert following(None, []) == ()
    assert following(None, [line(1), line(2)]) == (line(1), line(2))
    assert following(None, [line(2)]) == Gap(1, 2)


def test_behind_a_cursor() -> None:
    assert following(CURSOR, [line(3)]) == ()
    assert following(CURSOR, [line(3), line(4), line(5)]) == (line(4), line(5))
    assert following(CURSOR, [line(3), line(5)]) == Gap(4, 5)
    assert following(CURSOR, [line(3), line(4), line(6)]) == (line(4),)


@pytest.mark.parametrize("found", [[], [line(4)], [line(3, hold="another")], [line(3, epoch="e.2")]])
def test_a_cursor_that_is_not_there(found: list[object]) -> None:
    assert following(CURSOR, found) == Cut()


@pytest.mark.parametrize(("lost_from", "goes_on"), [(1, True), (4, True), (5, False), (9, False)])
def test_only_an_entry_that_says_so_explains_a_gap(lost_from: int, goes_on: bool) -> None:
    resuming = resume(9, lost_from, 8)
    assert following(CURSOR, [line(3), resuming]) == ((resuming,) if goes_on else Gap(4, 9))


def test_one_that_says_nothing_explains_nothing() -> None:
    assert following(CURSOR, [line(3), line(9, "resume")]) == Gap(4, 9)


@given(st.integers(1, 30), st.sets(st.integers(2, 29)))
def test_what_follows_has_no_gap_whatever_is_missing(length: int, missing: set[int]) -> None:
    lines = [line(seq) for seq in range(1, length + 1) if seq not in missing]
    cursor, exported = None, []
    while isinstance(found := following(cursor, lines[max(0, len(exported) - 1) :]), tuple) and found:
        exported += found
        cursor = exported[-1].place
    numbers = [one.place.sequence for one in exported]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == min([length, *(seq - 1 for seq in missing if seq <= length)])


def test_a_fork_is_explained_by_the_entry_that_resumes_behind_it() -> None:
    last = Witness("e.1", 5, "h5")
    resuming = resume(9, 6, 8)
    assert explained(Fork(last, (line(6, epoch="e.2"), resuming), resuming)) is None
    assert explained(Fork(last, (resuming,), resuming)) is None
    assert explained(Fork(None, (line(1), resume(9, 1, 8)), resume(9, 1, 8))) is None
    assert explained(Fork(last, (line(6, epoch="e.2"),), None)) == Gap(6, 6)
    assert explained(Fork(last, (line(7, epoch="e.2"), resuming), resuming)) == Gap(6, 7)
    assert explained(Fork(last, (resume(9, 7, 8),), resume(9, 7, 8))) == Gap(6, 9)
    assert explained(Fork(last, (), None)) == Gap(6, 0)


def test_what_sql_knows_is_remembered_of_the_same_epoch() -> None:
    assert remembered(None, None) is None
    assert remembered(CURSOR, None) == Memory("e.1", 3, CURSOR, 3)
    assert remembered(CURSOR, Memory("e.1", 1)) == Memory("e.1", 3, CURSOR, 3)
    later = Memory("e.1", 7, Witness("e.1", 7, "h7"), 7)
    assert remembered(CURSOR, later) == later
    assert remembered(CURSOR, Memory("e.2", 1)) == Memory("e.2", 1, None, 3)
