"""Epochs: a lineage that stays, and a number that only grows."""

import pytest

from gateway.core.epoch import first_epoch, lineage, number, successor


def test_the_first_of_a_store() -> None:
    assert first_epoch("3f9a") == "3f9a.1"
    assert (lineage("3f9a.1"), number("3f9a.1")) == ("3f9a", 1)


@pytest.mark.parametrize(("epoch", "stem"), [("3f9a", "3f9a"), ("epoch-1", "epoch-1"), ("e1", "e1"), ("", "")])
def test_one_without_a_number_is_a_first_one(epoch: str, stem: str) -> None:
    assert (lineage(epoch), number(epoch)) == (stem, 1)
    assert successor(epoch, epoch) == f"{stem}.2"


@pytest.mark.parametrize(
    ("epoch", "known", "then"),
    [
        ("a.1", "a.1", "a.2"),
        ("a.9", "a.9", "a.10"),
        ("a.1", "a.7", "a.8"),
        ("a.7", "a.1", "a.8"),
        ("a.2", "b.7", "a.3"),
        ("a.b.2", "a.b.2", "a.b.3"),
    ],
)
def test_the_next_one_is_above_all_that_are_known_of_the_store(epoch: str, known: str, then: str) -> None:
    assert successor(epoch, known) == then
