"""One file: its name, its writes, and that a copy of it is another file."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.adapters.spool.segment import Segment, file_name, identity, name_parts

AT = datetime(2026, 11, 23, tzinfo=UTC)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the system cuts a write short there, and refuses the next."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def segment(path: Path) -> Segment:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return Segment(path, "b1", 1, AT, size=0, descriptor=descriptor)


@pytest.mark.parametrize(("boot", "number"), [("0a1b", 1), ("a-b_C", 12)])
def test_a_name_says_whose_file_it_is(boot: str, number: int) -> None:
    assert name_parts(file_name(boot, number)) == (boot, number)


@pytest.mark.parametrize("name", ["lock", "b1.jsonl", "b1.x.jsonl", "b1.1.jsonl.bak", ".1.jsonl", "b 1.1.jsonl"])
def test_other_names_are_nobodys(name: str) -> None:
    assert name_parts(name) is None


def test_a_line_is_there_when_the_call_returns(tmp_path: Path) -> None:
    one = segment(tmp_path / "f")
    one.append(b"a line\n")
    assert (tmp_path / "f").read_bytes() == b"a line\n"
    assert (one.size, one.unsynced) == (7, True)
    one.close()
    one.close()


def test_a_write_that_the_system_cut_short_is_an_error(tmp_path: Path) -> None:
    one = segment(tmp_path / "f")
    with largest_file(10):
        one.append(b"a line\n")
        with pytest.raises(OSError, match="3 of 7 bytes"):
            one.append(b"a line\n")
        with pytest.raises(OSError, match="File too large"):
            one.append(b"a line\n")
    assert (tmp_path / "f").read_bytes() == b"a line\na l"
    assert one.size == 10
    one.close()


def test_the_file_of_another_process_takes_no_line(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not open"):
        Segment(tmp_path / "f", "b1", 1, AT, size=0).append(b"a line\n")


def test_removing_what_is_gone_already_is_no_error(tmp_path: Path) -> None:
    one = segment(tmp_path / "f")
    one.remove()
    assert not (tmp_path / "f").exists()
    one.remove()


def test_a_copy_put_back_in_a_files_place_is_another_file(tmp_path: Path) -> None:
    path, copy = tmp_path / "f", tmp_path / "backup"
    path.write_bytes(b"a line\n")
    before = identity(path.stat())
    path.rename(tmp_path / "moved")
    assert identity((tmp_path / "moved").stat()) == before
    shutil.copy2(tmp_path / "moved", copy)
    copy.rename(path)
    assert identity(path.stat()) != before
