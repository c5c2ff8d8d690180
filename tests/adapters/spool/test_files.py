"""Files one after another: when a new one begins, what failing disks leave, and what is flushed."""

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.spool.files import Files
from gateway.adapters.spool.retention import Bounds
from gateway.adapters.spool.segment import identity
from gateway.ports import SpoolUnavailable
from tests.adapters.spool.test_segment import largest_file
from tests.doubles import StillClock

DAY = timedelta(days=1)


def head(number: int, file: str, now: datetime, kept: tuple[int, ...]) -> bytes:
    return f"{number} {file} {now:%d} {kept}\n".encode()


class Desk:
    """Files in a directory, and the clock they read."""

    def __init__(self, directory: Path, bounds: Bounds) -> None:
        self.directory = directory
        self.clock = StillClock()
        self.files = Files(directory, "b1", self.clock, bounds, [], head)

    def text(self, number: int) -> str:
        return (self.directory / f"b1.{number}.jsonl").read_text()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path, Bounds(segment=100, total=1000))
    yield found
    found.files.close()


def write(desk: Desk, text: str = "line\n", acceptances: int = 1) -> None:
    desk.files.append(text.encode()).acceptances += acceptances


def test_there_is_no_file_before_the_first_line(desk: Desk) -> None:
    assert desk.names() == []
    desk.files.sweep()
    assert desk.names() == []
    write(desk)
    path = desk.directory / "b1.1.jsonl"
    assert path.read_text() == f"1 {identity(path.stat())} 23 ()\nline\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_full_is_followed_by_another_that_names_those_kept(desk: Desk) -> None:
    for _ in range(3):
        write(desk, "x" * 99 + "\n")
    kept = [desk.text(n).splitlines()[0].split(" 23 ")[1] for n in (1, 2, 3)]
    assert kept == ["()", "(1,)", "(1, 2)"]
    assert desk.text(3).splitlines()[1:] == ["x" * 99]


def test_a_file_that_goes_is_not_named_as_kept(desk: Desk) -> None:
    write(desk, "x" * 100, acceptances=0)
    write(desk, "y" * 100)
    assert desk.names() == ["b1.2.jsonl"]
    assert desk.text(2).splitlines()[0].endswith("()")


def test_the_total_is_kept_below_its_bound(desk: Desk) -> None:
    for _ in range(50):
        write(desk, "x" * 60 + "\n")
    assert sum(path.stat().st_size for path in desk.directory.iterdir()) <= 1000
    assert "b1.1.jsonl" not in desk.names()


def test_lines_grow_old_although_nothing_is_written(desk: Desk) -> None:
    write(desk)
    desk.clock.advance(DAY)
    desk.files.sweep()
    assert desk.names() == ["b1.1.jsonl", "b1.2.jsonl"]
    desk.clock.advance(DAY / 2)
    desk.files.sweep()
    assert desk.names() == ["b1.1.jsonl", "b1.2.jsonl"]
    desk.clock.advance(6 * DAY)
    desk.files.sweep()
    assert desk.names() == ["b1.3.jsonl"]


def test_after_a_write_that_was_cut_short_lines_go_to_another_file(desk: Desk) -> None:
    write(desk, "first\n")
    with largest_file(len(desk.text(1)) + 3), pytest.raises(SpoolUnavailable, match="3 of 7 bytes"):
        desk.files.append(b"second\n")
    write(desk, "second\n")
    assert desk.text(1).endswith("first\nsec")
    assert desk.text(2).endswith("(1,)\nsecond\n")


def test_after_a_write_on_a_full_disk_lines_go_to_another_file(desk: Desk) -> None:
    segment = desk.files.append(b"first\n")
    segment.acceptances += 1
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, segment.descriptor or 0)
    os.close(full)
    with pytest.raises(SpoolUnavailable, match="No space left on device"):
        desk.files.append(b"second\n")
    write(desk, "second\n")
    assert desk.text(1).endswith("first\n")
    assert desk.text(2).endswith("(1,)\nsecond\n")


def test_a_file_that_cannot_get_its_first_lines_is_no_file(desk: Desk) -> None:
    (desk.directory / "b1.1.jsonl").symlink_to("/dev/full")
    with pytest.raises(SpoolUnavailable, match="No space left on device"):
        desk.files.append(b"line\n")
    assert desk.names() == []
    write(desk)
    assert desk.text(1).endswith(" ()\nline\n")


def test_a_file_that_cannot_even_be_made_is_an_error_every_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "nowhere", Bounds())
    for _ in range(2):
        with pytest.raises(SpoolUnavailable, match="No such file"):
            desk.files.append(b"line\n")
    desk.directory.mkdir()
    write(desk)
    assert desk.names() == ["b1.1.jsonl"]
    desk.files.close()


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was flushed to disk: the identities of files and directories."""
    found: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        found.append(identity(os.fstat(descriptor)))

    monkeypatch.setattr(os, "fsync", watched)
    return found


def inode(desk: Desk, name: str = ".") -> str:
    return identity((desk.directory / name).stat())


async def test_a_sync_flushes_every_file_that_was_written_to_and_the_names_of_new_ones(
    desk: Desk, flushed: list[str]
) -> None:
    write(desk, "x" * 99 + "\n")
    write(desk)
    await desk.files.sync()
    assert flushed == [inode(desk, "b1.1.jsonl"), inode(desk, "b1.2.jsonl"), inode(desk)]
    flushed.clear()
    write(desk)
    await desk.files.sync()
    assert flushed == [inode(desk, "b1.2.jsonl")]
    flushed.clear()
    await desk.files.sync()
    assert flushed == []


async def test_many_syncs_at_once_are_few_flushes(desk: Desk, flushed: list[str]) -> None:
    async def write_and_sync() -> None:
        write(desk, "x\n")
        await desk.files.sync()

    await asyncio.gather(*(write_and_sync() for _ in range(30)))
    assert flushed.count(inode(desk, "b1.1.jsonl")) == 2
    assert desk.text(1).count("x\n") == 30


async def test_a_file_may_go_while_it_is_flushed(desk: Desk) -> None:
    write(desk, "x" * 100, acceptances=0)
    syncing = asyncio.ensure_future(desk.files.sync())
    await asyncio.sleep(0)
    write(desk)
    await syncing
    assert desk.names() == ["b1.2.jsonl"]


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_after_a_failed_flush_lines_go_to_another_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    write(desk)
    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(SpoolUnavailable, match="Input/output error"):
            await desk.files.sync()
    assert descriptors() == before
    write(desk)
    await desk.files.sync()
    assert desk.names() == ["b1.1.jsonl", "b1.2.jsonl"]
