"""What earlier processes left: what was accepted, what was sent, and when silence is evidence."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.spool import Bounds
from gateway.adapters.spool.earlier import acceptances_in
from gateway.core.acceptance import Witness
from gateway.core.remains import Damage, Predecessor, Remains
from tests.adapters.spool.spools import MACHINE, acceptance, files, killed, opened, remains
from tests.doubles import NOON, StillClock

SMALL = Bounds(segment=2_000)


def only(data_dir: Path, machine: str | None = MACHINE) -> Predecessor:
    (predecessor,) = remains(data_dir, machine).predecessors
    return predecessor


def write(data_dir: Path, boot: str = "old", machine: str | None = MACHINE, bounds: Bounds = SMALL) -> None:
    """Ten holds, each sent, the even ones accepted; several files; killed."""
    with killed(data_dir, boot, machine=machine, bounds=bounds) as spool:
        for n in range(10):
            spool.sent(f"h{n}")
            if n % 2 == 0:
                spool.accepted(acceptance(f"h{n}"))


def test_of_nothing_nothing_remains(tmp_path: Path) -> None:
    assert remains(tmp_path) == Remains()


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "spool" / "notes.txt").write_text("what is this?")
    assert remains(tmp_path).damage == ()


def test_what_a_killed_process_left(tmp_path: Path) -> None:
    write(tmp_path)
    assert len(files(tmp_path)) > 2
    found = remains(tmp_path)
    assert found == Remains(
        predecessors=(Predecessor("old", True, frozenset(f"h{n}" for n in range(10))),),
        unsettled=tuple(acceptance(f"h{n}") for n in range(0, 10, 2)),
        witness=Witness("e1", 7, "h0"),
        damage=(),
    )
    assert found.predecessors[0].never_sent("h10")
    assert not found.predecessors[0].never_sent("h3")


def test_the_files_of_one_process_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    with killed(tmp_path, bounds=Bounds(segment=1)) as spool:
        for n in range(12):
            spool.accepted(acceptance(f"h{n}"))
    assert len(files(tmp_path)) == 12
    assert [one.hold_id for one in remains(tmp_path).unsettled] == [f"h{n}" for n in range(12)]


@pytest.mark.parametrize(("then", "now"), [(MACHINE, "another boot"), (MACHINE, None), (None, MACHINE), (None, None)])
def test_after_another_start_of_the_machine_silence_is_no_evidence(
    tmp_path: Path, then: str | None, now: str | None
) -> None:
    write(tmp_path, machine=then)
    assert not only(tmp_path, now).whole
    assert not only(tmp_path, now).never_sent("h10")
    assert len(remains(tmp_path, now).unsettled) == 5


def remove(number: int) -> Callable[[Path], None]:
    return lambda spool: (spool / f"old.{number}.jsonl").unlink()


def copy(spool: Path) -> None:
    path = spool / "old.2.jsonl"
    path.rename(spool / "aside")
    shutil.copy2(spool / "aside", path)


def truncate(spool: Path) -> None:
    os.truncate(spool / "old.2.jsonl", 0)


def rename(spool: Path) -> None:
    (spool / "old.1.jsonl").rename(spool / "old.0.jsonl")


def headless(spool: Path) -> None:
    path = spool / "old.1.jsonl"
    with path.open("r+b") as file:
        rest = file.readlines()[1:]
        file.seek(0)
        file.truncate()
        file.writelines(rest)


@pytest.mark.parametrize("harm", [remove(1), remove(2), copy, truncate, rename, headless])
def test_where_anything_is_missing_or_not_what_it_was_silence_is_no_evidence(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    write(tmp_path)
    assert only(tmp_path).never_sent("h10")
    harm(tmp_path / "spool")
    assert not only(tmp_path).never_sent("h10")


def test_a_file_that_the_process_dropped_itself_is_not_missed(tmp_path: Path) -> None:
    with killed(tmp_path, bounds=Bounds(segment=1_000)) as spool:
        spool.sent("in progress")
        for n in range(20):
            spool.sent(f"h{n}")
            spool.acknowledged(f"h{n}")
        spool.acknowledged("in progress")
        for n in range(20, 40):
            spool.sent(f"h{n}")
            spool.acknowledged(f"h{n}")
    assert files(tmp_path) != []
    assert "old.1.jsonl" not in files(tmp_path)
    assert only(tmp_path).never_sent("another")
    assert not only(tmp_path).never_sent("h39")


def test_a_torn_end_is_reported_and_no_harm(tmp_path: Path) -> None:
    write(tmp_path)
    last = files(tmp_path)[-1]
    with (tmp_path / "spool" / last).open("ab") as file:
        file.write(b'0123abcd {"kind":"se')
    assert remains(tmp_path).damage == (Damage(last, torn=True, lines=0),)
    assert only(tmp_path).never_sent("h10")


@pytest.mark.parametrize("beginning", [b"", b'0123abcd {"kind":"open'])
def test_a_last_file_that_never_got_its_first_line_is_no_harm(tmp_path: Path, beginning: bytes) -> None:
    write(tmp_path)
    (tmp_path / "spool" / "old.99.jsonl").write_bytes(beginning)
    assert only(tmp_path).never_sent("h10")


def test_nothing_but_a_file_without_a_first_line_is_no_evidence(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "old.1.jsonl").write_bytes(b"")
    assert only(tmp_path) == Predecessor("old", False, frozenset())


def test_a_damaged_line_costs_itself_and_the_silence(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "spool" / "old.1.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"kind":"sent","hold":"h1"}', b'{"kind":"sent","hold":"h7"}'))
    found = remains(tmp_path)
    assert found.damage == (Damage("old.1.jsonl", torn=False, lines=1),)
    assert found.predecessors[0].sent == frozenset(f"h{n}" for n in range(10)) - {"h1"}
    assert not found.predecessors[0].never_sent("h1")
    assert len(found.unsettled) == 5


def test_a_last_line_whose_line_break_is_damaged_is_no_torn_one(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "spool" / files(tmp_path)[-1]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert not only(tmp_path).never_sent("h9")


# Every example writes files.
@settings(max_examples=40)
@given(st.data())
def test_no_damaged_byte_makes_a_hold_that_was_sent_look_as_if_it_had_not_been(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    data_dir = tmp_path_factory.mktemp("data")
    write(data_dir)
    path = data_dir / "spool" / data.draw(st.sampled_from(files(data_dir)))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    found = remains(data_dir)

    assert not [n for n in range(10) if found.predecessors[0].never_sent(f"h{n}")]
    assert found.damage
    # Damage may cost acceptances, and may undo the word that they are settled; it never makes one up.
    assert {one.hold_id: one for one in found.unsettled}.items() <= {
        f"h{n}": acceptance(f"h{n}") for n in range(0, 10, 2)
    }.items()
    assert len(found.unsettled) >= 3


# Every example writes files.
@settings(max_examples=40)
@given(st.data())
def test_of_a_file_that_was_cut_off_all_before_the_cut_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    data_dir = tmp_path_factory.mktemp("data")
    write(data_dir)
    path = data_dir / "spool" / files(data_dir)[-1]
    lines = path.read_bytes().splitlines(keepends=True)
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    os.truncate(path, cut)
    lost = [n for n in range(len(lines)) if sum(map(len, lines[: n + 1])) > cut + 1]

    found = remains(data_dir)

    said = len(found.unsettled) + len(found.predecessors[0].sent)
    assert 15 - len(lost) <= said <= 15
    assert not any(damage.lines for damage in found.damage)


def test_what_the_store_acknowledged_before_the_last_file_is_not_asked_again(tmp_path: Path) -> None:
    with killed(tmp_path, bounds=SMALL) as spool:
        for n in range(10):
            spool.accepted(acceptance(f"h{n}"))
            if n != 3:
                spool.acknowledged(f"h{n}")
    last = [one.hold_id for one in acceptances_in(tmp_path / "spool" / files(tmp_path)[-1])]
    assert 0 < len(last) < 6
    assert [one.hold_id for one in remains(tmp_path).unsettled] == ["h3", *last]


def test_what_was_recovered_is_not_asked_again_and_stays_for_replay(tmp_path: Path) -> None:
    write(tmp_path)
    with opened(tmp_path, "b1", clock=StillClock(NOON + timedelta(hours=1))) as (spool, found):
        assert len(found.unsettled) == 5
        spool.recovered()
        spool.accepted(acceptance("mine", sender="b1"))
        spool.acknowledged("mine")
    with opened(tmp_path, "b2", clock=StillClock(NOON + timedelta(hours=2))) as (spool, found):
        assert found.unsettled == ()
        assert [one.boot for one in found.predecessors] == ["old", "b1"]
        assert [one.hold_id for one in spool.acceptances()] == ["h0", "h2", "h4", "h6", "h8", "mine"]
        # The journal is evidence still.
        assert found.predecessors[0].never_sent("h10")


def test_the_newest_witness_is_that_of_the_last_process_and_within_an_epoch_the_furthest(tmp_path: Path) -> None:
    seen = {"first": [Witness("e1", 50, "h1")], "second": [Witness("e2", 9, "h2"), Witness("e2", 8, "h3")], "third": []}
    for n, (boot, witnesses) in enumerate(seen.items()):
        with killed(tmp_path, boot, clock=StillClock(NOON + n * timedelta(hours=1))) as spool:
            spool.sent("a line")
            for witness in witnesses:
                spool.accepted(acceptance(boot, witness=witness))
    assert remains(tmp_path).witness == Witness("e2", 9, "h2")
