"""What is remembered, for how long, and how much of it."""

from datetime import UTC, datetime, timedelta

from gateway.core.memory import Memory

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_an_answer_holds_from_its_first_instant_to_before_its_last() -> None:
    memory: Memory[str] = Memory(2)
    assert memory.recall("q", NOON) is None
    assert memory.keep("q", "a", NOON, NOON + SECOND) == "a"
    found = [memory.recall("q", NOON + shift) for shift in (-SECOND / 2, SECOND * 0, SECOND / 2, SECOND)]
    assert found == [None, "a", "a", None]
    memory.keep("q", "b", NOON + SECOND, NOON + 2 * SECOND)
    assert memory.recall("q", NOON + SECOND) == "b"


def test_the_oldest_make_room() -> None:
    memory: Memory[int] = Memory(2)
    for number in (1, 2, 1, 3):
        memory.keep(number, number, NOON, NOON + SECOND)
    assert [memory.recall(number, NOON) for number in (1, 2, 3)] == [None, 2, 3]
