"""Many who wait, few flushes, and none that began before somebody's line was there."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from gateway.adapters.spool.group_sync import GroupSync
from tests.adapters.redis.waiting import until


class Disk:
    """Lines that were written, and those that a flush has covered. A flush goes on while the gate is closed."""

    def __init__(self) -> None:
        self.written = 0
        self.flushed = 0
        self.flushes = 0
        self.broken = False
        self.full = False
        self.gate = threading.Event()
        self.gate.set()

    def prepare(self) -> Callable[[], None]:
        if self.full:
            raise OSError("no descriptor left")
        covered = self.written
        self.flushes += 1

        def flush() -> None:
            self.gate.wait()
            if self.broken:
                raise OSError("the disk is gone")
            self.flushed = covered

        return flush


async def test_all_who_come_while_a_flush_is_under_way_share_the_next() -> None:
    disk = Disk()
    sync = GroupSync(disk.prepare)

    async def write_and_sync() -> int:
        disk.written += 1
        mine = disk.written
        await sync()
        return disk.flushed - mine

    disk.gate.clear()
    waiting = [asyncio.ensure_future(write_and_sync()) for _ in range(100)]
    await until(lambda: disk.written == 100)
    disk.gate.set()

    assert min(await asyncio.gather(*waiting)) >= 0
    assert (disk.flushed, disk.flushes) == (100, 2)


async def test_one_after_another_each_has_its_own() -> None:
    disk = Disk()
    sync = GroupSync(disk.prepare)
    for n in range(1, 4):
        disk.written += 1
        await sync()
        assert (disk.flushed, disk.flushes) == (n, n)


async def test_a_failure_is_told_to_all_who_shared_it_and_to_nobody_after() -> None:
    disk = Disk()
    sync = GroupSync(disk.prepare)
    disk.gate.clear()
    disk.broken = True
    first = asyncio.ensure_future(sync())
    await until(lambda: disk.flushes == 1)
    second, third = asyncio.ensure_future(sync()), asyncio.ensure_future(sync())
    await asyncio.sleep(0)
    disk.gate.set()
    for one in (first, second, third):
        with pytest.raises(OSError, match="the disk is gone"):
            await one
    disk.broken = False
    await sync()
    assert disk.flushes == 3


async def test_what_cannot_even_begin_is_told_too() -> None:
    disk = Disk()
    sync = GroupSync(disk.prepare)
    disk.full = True
    with pytest.raises(OSError, match="no descriptor left"):
        await sync()
    disk.full = False
    await sync()


async def test_whoever_is_cancelled_leaves_the_others_their_flush() -> None:
    disk = Disk()
    sync = GroupSync(disk.prepare)
    disk.gate.clear()
    first = asyncio.ensure_future(sync())
    await until(lambda: disk.flushes == 1)
    leaving, staying = asyncio.ensure_future(sync()), asyncio.ensure_future(sync())
    await asyncio.sleep(0)
    first.cancel()
    leaving.cancel()
    disk.gate.set()
    await staying
    assert disk.flushes == 2
    assert first.cancelled()
    assert leaving.cancelled()
