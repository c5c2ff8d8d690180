"""The store's own order first, then times."""

from dataclasses import dataclass

from gateway.adapters.sql.merge import in_order

MINUTE = 60_000_000


@dataclass(frozen=True)
class Entry:
    seq: int
    at: int


@dataclass(frozen=True)
class Refused:
    id: str
    at: int
    after: int | None = None


def test_a_refusal_stands_after_the_entry_that_it_names_whatever_the_clocks_said() -> None:
    first, second, third = Entry(1, 10), Entry(2, 30), Entry(3, 20)
    early, late = Refused("a", 40, 1), Refused("b", 11, 2)
    assert list(in_order([first, second, third], [late, early])) == [first, early, second, late, third]


def test_one_that_names_none_comes_by_its_time() -> None:
    entries = [Entry(1, 10), Entry(2, 20)]
    before, at, after = Refused("a", 5), Refused("b", 10), Refused("c", 21)
    assert list(in_order(entries, [before, at, after])) == [before, entries[0], at, entries[1], after]


def test_those_behind_the_last_entry_and_far_from_any_come_too() -> None:
    one, far, farther = Entry(1, 0), Refused("a", 10 * MINUTE, 1), Refused("b", 20 * MINUTE)
    assert list(in_order([one], [far, farther])) == [one, far, farther]
    assert list(in_order([], [far, farther])) == [far, farther]
    assert list(in_order([one], [])) == [one]
