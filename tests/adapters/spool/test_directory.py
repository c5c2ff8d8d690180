"""The spool as a process uses it: what it keeps, what it lets go, and when it takes no more holds."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.spool import Bounds, DirectorySpool
from gateway.adapters.spool.lines import Opened, Sent, Settled, decode, encode_accepted
from gateway.core.acceptance import Acceptance, Witness
from gateway.ports import Spool, SpoolUnavailable
from tests.adapters.spool.spools import acceptance, files, killed, opened, remains
from tests.doubles import NOON, StillClock

BOUNDS = Bounds(segment=4_000, total=20_000)
LINE = len(encode_accepted(acceptance("h1")))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DirectorySpool]:
    with opened(tmp_path, "b1", bounds=BOUNDS) as (found, _):
        yield found


def lines(data_dir: Path, name: str) -> list[object]:
    return list(decode((data_dir / "spool" / name).read_bytes()))


def fill(spool: Spool, count: int, *, acknowledge: bool) -> None:
    """Acceptances that the store has or has not acknowledged."""
    for n in range(count):
        spool.sent(f"h{n}")
        spool.accepted(acceptance(f"h{n}"))
        if acknowledge:
            spool.acknowledged(f"h{n}")


def test_each_line_is_there_when_its_call_returns(spool: DirectorySpool, tmp_path: Path) -> None:
    spool.sent("h1")
    opening = lines(tmp_path, "b1.1.jsonl")[:2]
    assert isinstance(opening[0], Opened)
    assert (opening[0].boot, opening[0].number, opening[0].opened_at, opening[0].witness) == ("b1", 1, NOON, None)
    assert opening[1] == Settled(("b1",), ())
    assert lines(tmp_path, "b1.1.jsonl")[2:] == [Sent("h1")]
    spool.accepted(acceptance("h1"))
    assert lines(tmp_path, "b1.1.jsonl")[2:] == [Sent("h1"), acceptance("h1")]
    assert list(spool.acceptances()) == [acceptance("h1")]


def test_acknowledging_what_was_never_written_is_no_error(spool: DirectorySpool) -> None:
    spool.acknowledged("h1")


def test_a_new_file_names_the_holds_that_are_not_settled_and_the_newest_witness(
    spool: DirectorySpool, tmp_path: Path
) -> None:
    spool.sent("in progress")
    fill(spool, 1, acknowledge=True)
    spool.accepted(acceptance("waiting", witness=Witness("e1", 8, "h0")))
    spool.accepted(acceptance("without", witness=None))
    while len(files(tmp_path)) == 1:
        fill(spool, 1, acknowledge=True)
    first, second = lines(tmp_path, "b1.2.jsonl")[:2]
    assert isinstance(first, Opened)
    assert (first.kept, first.witness) == ((1,), Witness("e1", 7, "h0"))
    assert isinstance(second, Settled)
    # The one whose line needed the new file may be among them.
    assert set(second.unsettled) - {"h0"} == {"in progress", "waiting", "without"}


def test_what_was_acknowledged_stays_while_there_is_space_and_no_longer(spool: DirectorySpool, tmp_path: Path) -> None:
    fill(spool, 60, acknowledge=True)
    assert spool.room
    size = sum((tmp_path / "spool" / name).stat().st_size for name in files(tmp_path))
    assert BOUNDS.total - 2 * BOUNDS.segment < size <= BOUNDS.total
    assert "b1.1.jsonl" not in files(tmp_path)
    left = [one.hold_id for one in spool.acceptances()]
    assert left == [f"h{n}" for n in range(60 - len(left), 60)]


def test_what_was_not_acknowledged_is_never_dropped_and_ends_the_room(spool: DirectorySpool) -> None:
    taken = 0
    while spool.room:
        spool.accepted(acceptance(f"h{taken}"))
        taken += 1
    assert BOUNDS.total - BOUNDS.segment < taken * LINE < BOUNDS.total + BOUNDS.segment
    spool.accepted(acceptance("one that was under way"))
    assert [one.hold_id for one in spool.acceptances()] == [f"h{n}" for n in range(taken)] + ["one that was under way"]

    for n in range(10):
        spool.acknowledged(f"h{n}")
    assert spool.room


def test_a_hold_that_was_sent_and_of_which_nothing_is_known_keeps_its_line(
    spool: DirectorySpool, tmp_path: Path
) -> None:
    spool.sent("in progress")
    fill(spool, 60, acknowledge=True)
    assert "b1.1.jsonl" in files(tmp_path)
    assert "b1.2.jsonl" not in files(tmp_path)
    spool.acknowledged("in progress")
    fill(spool, 5, acknowledge=True)
    assert "b1.1.jsonl" not in files(tmp_path)


def test_what_earlier_processes_left_is_there_until_it_was_recovered_and_then_as_long_as_there_is_space(
    tmp_path: Path,
) -> None:
    with killed(tmp_path, "old", bounds=BOUNDS) as spool:
        fill(spool, 15, acknowledge=True)
    old = files(tmp_path)
    with opened(tmp_path, "b1", bounds=BOUNDS) as (spool, _):
        fill(spool, 60, acknowledge=True)
        spool.sweep()
        assert set(old) < set(files(tmp_path))
        assert [one.hold_id for one in spool.acceptances()][:15] == [f"h{n}" for n in range(15)]
        spool.recovered()
        fill(spool, 20, acknowledge=True)
        assert not set(old) & set(files(tmp_path))


def test_once_recovered_files_without_an_acceptance_go_at_once(tmp_path: Path) -> None:
    with killed(tmp_path, "old") as spool:
        spool.sent("h1")
    with killed(tmp_path, "older") as spool:
        spool.accepted(acceptance("h2"))
    with opened(tmp_path, "b1") as (spool, _):
        spool.recovered()
        assert files(tmp_path) == ["b1.1.jsonl", "older.1.jsonl"]


def test_starts_that_do_nothing_leave_nothing(tmp_path: Path) -> None:
    for n in range(5):
        with opened(tmp_path, f"b{n}"):
            pass
    assert files(tmp_path) == []


def test_a_week_later_nothing_is_left(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, "b1", clock=clock) as (spool, _):
        fill(spool, 1, acknowledge=True)
        spool.accepted(acceptance("not acknowledged"))
        for _ in range(24):
            clock.advance(timedelta(hours=8))
            spool.sweep()
        assert [one.hold_id for one in spool.acceptances()] == ["h0", "not acknowledged"]
        spool.acknowledged("not acknowledged")
        spool.sweep()
        assert list(spool.acceptances()) == []


def test_the_witness_outlives_the_files_it_was_in(tmp_path: Path) -> None:
    with killed(tmp_path, "old") as spool:
        spool.accepted(acceptance("h1", witness=Witness("e1", 7, "h0")))
    with opened(tmp_path, "b1", clock=StillClock(NOON + timedelta(days=8))) as (spool, found):
        assert found.witness == Witness("e1", 7, "h0")
        spool.recovered()
        assert files(tmp_path) == ["b1.1.jsonl"]
    assert remains(tmp_path).witness == Witness("e1", 7, "h0")


def test_a_file_that_cannot_be_read_any_more_is_an_error_and_one_that_went_is_none(
    spool: DirectorySpool, tmp_path: Path
) -> None:
    spool.accepted(acceptance("h1"))
    path = tmp_path / "spool" / "b1.1.jsonl"
    path.rename(tmp_path / "aside")
    assert list(spool.acceptances()) == []
    path.mkdir()
    with pytest.raises(SpoolUnavailable, match="cannot be read"):
        list(spool.acceptances())
    path.rmdir()


async def test_sync_flushes(spool: DirectorySpool) -> None:
    spool.accepted(acceptance("h1"))
    await spool.sync()
    assert not [one for one in spool._files.segments if one.unsynced]


def test_a_process_that_ends_in_order_leaves_word_of_what_is_settled(tmp_path: Path) -> None:
    with opened(tmp_path, "b1") as (spool, _):
        fill(spool, 1, acknowledge=True)
        spool.accepted(acceptance("waiting"))
    assert [one.hold_id for one in remains(tmp_path).unsettled] == ["waiting"]
    assert isinstance(lines(tmp_path, "b1.1.jsonl")[3], Acceptance)
