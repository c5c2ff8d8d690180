"""The fence as a decision: what a gateway remembers, and whether the store still has it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.acceptance import Witness
from gateway.core.history import (
    Freeze,
    Judgement,
    Memory,
    Sighting,
    judge,
    lost_from,
    recollect,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
W95 = Witness("a.3", 95, "hold_w")


def store(epoch: str = "a.3", sequence: int = 120, entry: Witness | None = W95, first: int = 1) -> Sighting:
    """A store that has what `memory` knows, unless the test says otherwise."""
    return Sighting(NOON, epoch, "acme", sequence, first, entry, None, ())


def memory(epoch: str = "a.3", seen: int = 120, witness: Witness | None = W95) -> Memory:
    return Memory(epoch, seen, witness, seen)


# What is remembered.


def test_the_highest_sequence_and_the_newest_entry_whatever_order_answers_come_in() -> None:
    known = Memory("a.1")
    known.wrote("a.1", 7, "h7")
    known.wrote("a.1", 5, "h5")
    known.heard("a.1", 9)
    known.heard("a.1", 8)
    assert known == Memory("a.1", 9, Witness("a.1", 7, "h7"), 9)


def test_an_answer_that_names_no_entry() -> None:
    known = Memory("a.1")
    known.wrote("a.1", 0, "h1")
    assert known == Memory("a.1")


def test_an_answer_from_an_epoch_before_tells_nothing_of_this_one() -> None:
    known = memory()
    known.take_up("a.4", 100)
    known.wrote("a.3", 119, "late")
    assert known == Memory("a.4", 100, None, 120)
    known.wrote("a.4", 101, "h")
    assert known == Memory("a.4", 101, Witness("a.4", 101, "h"), 120)


def test_what_was_kept_and_what_was_acknowledged_after() -> None:
    kept = memory()
    later = Witness("a.3", 121, "h121")
    assert recollect(kept, later) == Memory("a.3", 121, later, 121)
    assert recollect(kept, Witness("a.3", 3, "h3")) == kept
    assert recollect(kept, None) == kept == memory()
    # What was written in another epoch says nothing of this one, save that so much was seen.
    assert recollect(kept, Witness("a.4", 400, "other")) == replace(kept, highest=400)


def test_what_a_spool_alone_remembers() -> None:
    assert recollect(None, None) is None
    assert recollect(None, W95) == Memory("a.3", 95, W95, 95)


# Whether the store still has it.


@pytest.mark.parametrize(
    ("what", "known", "seen", "judgement"),
    [
        ("all as it was", memory(), store(), Judgement.SAME),
        ("others went on", memory(), store(sequence=130), Judgement.SAME),
        ("nothing was ever written", Memory("a.1"), store("a.1", 0, None), Judgement.SAME),
        ("the witness was exported and trimmed", memory(), store(entry=None, first=96), Judgement.SAME),
        ("an older copy", memory(), store(sequence=119), Judgement.LOST),
        ("an older copy without the witness", memory(), store(sequence=94, entry=None), Judgement.LOST),
        ("an older copy that others went on with", memory(), store(entry=replace(W95, entry="x")), Judgement.LOST),
        ("the same place, written anew", memory(), store(entry=replace(W95, epoch="a.2")), Judgement.LOST),
        ("a hole where the witness was", memory(), store(entry=None), Judgement.LOST),
        ("frozen and thawed by others, nothing of ours lost", memory(), store("a.5", 130), Judgement.OTHER),
        ("frozen and thawed by others without us", memory(), store("a.5", 130, None), Judgement.LOST),
        ("the same, and trimmed since", memory(), store("a.5", 130, None, first=100), Judgement.LOST),
        ("frozen by others just now", memory(), store("a.4", 100), Judgement.LOST),
        ("a copy from before a thaw", memory("a.5"), store("a.3", 200), Judgement.LOST),
        ("the same, where we know of no entry", Memory("a.5"), store("a.4", 0, None), Judgement.LOST),
        ("begun anew", memory(), store("b.1", 0, None), Judgement.LOST),
        ("begun anew, and gone further than we ever saw", memory(), store("b.1", 500), Judgement.LOST),
        ("begun anew, and we knew nothing", Memory("a.1"), store("b.1", 5, None), Judgement.OTHER),
    ],
)
def test_judge(what: str, known: Memory, seen: Sighting, judgement: Judgement) -> None:
    assert judge(known, seen) is judgement, what


@pytest.mark.parametrize(
    ("known", "seen", "first"),
    [
        (memory(), store(sequence=100), 101),
        (memory(), store(sequence=80, entry=None), 81),
        (memory(), store(sequence=130, entry=None), 95),
        (Memory("a.3", 120), store(sequence=100, entry=None), 101),
        (memory(), store("b.1", 0, None), 1),
    ],
)
def test_the_first_that_is_known_to_be_lost(known: Memory, seen: Sighting, first: int) -> None:
    assert lost_from(known, seen) == first


def test_a_freeze_is_no_part_of_the_judgement() -> None:
    frozen = replace(store(), freeze=Freeze("history lost", timedelta(seconds=1), 101, 120))
    assert judge(memory(), frozen) is Judgement.SAME
