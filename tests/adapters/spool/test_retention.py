"""What is needed stays, whatever its age and size; of the rest the oldest goes first."""

from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.spool.retention import Bounds, doomed
from gateway.adapters.spool.segment import Segment
from tests.doubles import NOON

BOUNDS = Bounds(segment=10, total=100, age=timedelta(days=7))


def segment(days: int, size: int = 10, acceptances: int = 1, pins: int = 0) -> Segment:
    return Segment(Path(f"{days}"), "b1", 1, NOON - timedelta(days=days), size, acceptances, pins)


def ages(segments: list[Segment]) -> list[int]:
    return [(NOON - one.opened_at).days for one in segments]


def test_what_is_seven_days_old_goes() -> None:
    assert ages(doomed([segment(8), segment(7), segment(6)], NOON, BOUNDS)) == [8, 7]


def test_what_was_never_accepted_is_of_no_use_to_anybody_once_it_is_settled() -> None:
    assert ages(doomed([segment(2, acceptances=0), segment(1)], NOON, BOUNDS)) == [2]


def test_beyond_the_total_the_oldest_goes_so_that_the_next_file_fits() -> None:
    nine = [segment(n, size=10) for n in (5, 4, 4, 3, 3, 2, 2, 1, 1)]
    assert doomed(nine, NOON, BOUNDS) == []
    assert ages(doomed([segment(6), *nine], NOON, BOUNDS)) == [6]
    assert ages(doomed([segment(6, size=1), *nine], NOON, BOUNDS)) == [6]
    assert ages(doomed([segment(6, size=1), segment(6, size=10), *nine], NOON, BOUNDS)) == [6, 6]


def test_what_is_pinned_stays_and_others_go_in_its_place() -> None:
    old = segment(30, size=95, pins=1)
    useless = segment(20, acceptances=0, pins=1)
    assert ages(doomed([old, useless, segment(3), segment(1, pins=2)], NOON, BOUNDS)) == [3]


SEGMENTS = st.lists(
    st.builds(segment, st.integers(0, 9), st.integers(0, 40), st.integers(0, 1), st.integers(0, 1)), max_size=12
).map(lambda found: sorted(found, key=lambda one: one.opened_at))


@given(SEGMENTS)
def test_whatever_is_there_nothing_goes_that_is_needed_and_nothing_stays_without_reason(found: list[Segment]) -> None:
    going = doomed(found, NOON, BOUNDS)
    staying = [one for one in found if one not in going]

    assert len(set(map(id, going))) == len(going)
    assert not [one for one in going if one.pins]
    free = [one for one in staying if not one.pins]
    assert all(one.acceptances and NOON - one.opened_at < BOUNDS.age for one in free)
    assert not free or sum(one.size for one in staying) + BOUNDS.segment <= BOUNDS.total
    # The oldest first: whatever went for want of room stood before all that stayed.
    place = {id(one): n for n, one in enumerate(found)}
    for_room = [place[id(one)] for one in going if one.acceptances and NOON - one.opened_at < BOUNDS.age]
    assert max(for_room, default=-1) < min((place[id(one)] for one in free), default=len(found))
