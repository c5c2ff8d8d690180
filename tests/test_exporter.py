"""The exporter as a process: where it takes its orders from, and what ends it."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.adapters.exporter import _COMMAND, Orders
from gateway.adapters.redis.connection import Store
from tests.service.exporting import Exporting, exporting
from tests.walkthrough.house import until


@pytest.fixture
async def it(store: Store, tmp_path: Path) -> AsyncIterator[Exporting]:
    async with exporting(store, tmp_path) as made:
        yield made


async def started(it: Exporting) -> Process:
    process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    process.stdin.write(Orders(it.store.url, it.url, "g1", "hunter2").line())
    return process


def public(process: Process) -> bytes:
    """What the system shows of a process."""
    return b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


async def test_it_ends_when_its_input_does_however_that_came(it: Exporting) -> None:
    await it.sell(1)
    process = await started(it)

    async def exported() -> bool:
        return len(it.reader.entries()) == 2

    await until(exported)
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(30):
        assert await process.wait() == 0


async def test_its_orders_are_for_nobody_to_read(it: Exporting) -> None:
    process = await started(it)
    assert process.stdout is not None
    # It has read them when it speaks.
    assert await process.stdout.readline()
    told = public(process)
    process.kill()
    await process.communicate()
    assert b"gateway.exporter" in told
    assert b"hunter2" not in told
    assert it.store.url.encode() not in told
