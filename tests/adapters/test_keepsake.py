"""A memory on disk: what was written last is what is read, whole or not at all."""

import asyncio
import stat
from pathlib import Path

import pytest

from gateway.adapters.keepsake import KeepsakeFile, KeepsakeUnreadable
from gateway.core.acceptance import Witness
from gateway.core.history import Kept, Memory


def files(directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir()]


KEPT = Kept("acme", Memory("a.3", 120, Witness("a.3", 118, "hold_1"), 130))


async def test_what_is_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "witness.json"
    assert KeepsakeFile(path).read() is None
    await KeepsakeFile(path).write(Kept("acme", Memory("a.1")))
    await KeepsakeFile(path).write(KEPT)
    assert KeepsakeFile(path).read() == KEPT
    assert files(tmp_path) == ["witness.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_many_at_once_leave_one_of_them(tmp_path: Path) -> None:
    keepsake = KeepsakeFile(tmp_path / "witness.json")
    memories = [Kept("acme", Memory("a.1", seen)) for seen in range(50)]
    await asyncio.gather(*(keepsake.write(kept) for kept in memories))
    assert keepsake.read() in memories
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"organization": "acme"}', "\x00\xff"])
def test_a_file_that_says_nothing_is_no_empty_memory(tmp_path: Path, content: str) -> None:
    path = tmp_path / "witness.json"
    path.write_text(content)
    with pytest.raises(KeepsakeUnreadable, match=r"witness\.json"):
        KeepsakeFile(path).read()


async def test_a_disk_that_takes_nothing_leaves_what_was(tmp_path: Path) -> None:
    keepsake = KeepsakeFile(tmp_path / "gone" / "witness.json")
    with pytest.raises(OSError, match="No such file"):
        await keepsake.write(KEPT)
