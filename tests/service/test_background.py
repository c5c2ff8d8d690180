"""Loops that go on whatever happens to them."""

import asyncio
import logging
from itertools import pairwise

import pytest

from gateway.ports import StoreUnavailable
from gateway.service import background
from gateway.service.background import every, keep


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(background, "_LONGEST_WAIT_S", 0.004)


async def test_a_loop_that_fails_is_started_again_and_its_failure_told_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs, done, secret = 0, asyncio.Event(), "".join(("pb", "_", "secret"))

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 6:
            done.set()
            await asyncio.Event().wait()
        if runs != 4:
            raise ValueError(secret)

    running = asyncio.create_task(keep("settling", work))
    async with asyncio.timeout(5):
        await done.wait()
    running.cancel()
    await asyncio.wait([running])

    # The wait doubles up to its longest, and begins again after a run that did not fail.
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    waits = [float(line.split(" in ")[1].split(" s")[0]) for line in lines]
    assert waits == [0.001, 0.002, 0.004, 0.001]
    assert all("settling" in line and "ValueError" in line for line in lines)
    assert all("in work" in line for line in lines)
    assert secret not in caplog.text


async def test_the_stores_trouble_is_told_once_and_waited_for_in_short_steps(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, done = 0, asyncio.Event()
    # A wait that grew would go on for ever.
    monkeypatch.setattr(background, "_LONGEST_WAIT_S", 3600.0)

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 100:
            done.set()
            await asyncio.Event().wait()
        raise StoreUnavailable("gone")

    running = asyncio.create_task(keep("settling", work))
    async with asyncio.timeout(5):
        await done.wait()
    running.cancel()
    await asyncio.wait([running])
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert lines == ["settling waits for the store"]


async def test_it_ends_by_being_cancelled_and_by_nothing_else() -> None:
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(keep("x", work))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_every_so_often() -> None:
    loop, times = asyncio.get_running_loop(), []

    async def work() -> object:
        times.append(loop.time())
        return "ignored"

    for _ in range(3):
        await every(0.02, work)
    assert len(times) == 3
    assert all(later - earlier >= 0.019 for earlier, later in pairwise(times))
    assert loop.time() - times[-1] >= 0.019
