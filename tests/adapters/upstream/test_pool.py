"""Idle connections: the newest is lent first, and none that is old, gone or talkative."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from gateway.adapters.system import SystemClock
from gateway.adapters.upstream import pool as pools
from gateway.adapters.upstream.connection import Connection
from gateway.adapters.upstream.pool import IDLE_S, Pool
from gateway.core.reply import Accepted
from gateway.ports import Clock
from tests.adapters.upstream.lines import Line, Provider, provider, submit, upstream
from tests.doubles import StillClock
from tests.walkthrough.outcomes import accepted
from tests.walkthrough.stranger import reply


async def listens(line: Line) -> None:
    await line.ended()


@asynccontextmanager
async def kept(count: int, clock: Clock) -> AsyncIterator[tuple[Pool, list[Connection], Provider]]:
    """A pool that was given `count` connections, one after the other."""
    loop, pool = asyncio.get_running_loop(), Pool(clock)
    async with provider(listens) as there:
        connections: list[Connection] = []
        for _ in range(count):
            _, connection = await loop.create_connection(lambda: Connection(loop), "127.0.0.1", there.port)
            await there.arrivals.get()
            connections.append(connection)
            pool.give_back(connection)
        yield pool, connections, there
        pool.close()
        for connection in connections:
            connection.close()
        await asyncio.gather(*(line.over.wait() for line in there.lines))


async def test_the_newest_comes_first_and_none_is_lent_twice() -> None:
    async with kept(3, StillClock()) as (pool, (one, two, three), _):
        assert [pool.take(0), pool.take(0)] == [three, two]
        pool.give_back(three)
        assert [pool.take(0) for _ in range(3)] == [three, one, None]


async def test_those_that_are_too_old_are_closed_and_not_lent() -> None:
    clock = StillClock()
    async with kept(2, clock) as (pool, (one, two), there):
        pool.take(0)
        clock.advance(timedelta(seconds=1))
        pool.give_back(two)
        assert pool.take(IDLE_S + 0.5) is two
        assert pool.take(IDLE_S + 0.5) is None
        assert (one.usable, two.usable) == (False, True)
        await there.lines[0].over.wait()


async def test_sweeping_closes_those_that_are_too_old_and_no_others() -> None:
    clock = StillClock()
    async with kept(2, clock) as (pool, (one, two), there):
        pool.take(0)
        clock.advance(timedelta(seconds=1))
        pool.give_back(two)
        clock.advance(timedelta(seconds=IDLE_S - 1.5))
        pool.sweep()
        assert (one.usable, two.usable) == (True, True)
        clock.advance(timedelta(seconds=0.5))
        pool.sweep()
        assert (one.usable, two.usable) == (False, True)
        await there.lines[0].over.wait()
        clock.advance(timedelta(seconds=1))
        pool.sweep()
        assert not two.usable
        await there.lines[1].over.wait()


async def test_what_is_idle_for_too_long_is_closed_without_being_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as their time comes, and again when there is something new to wait for."""
    half_time = asyncio.Event()
    async with kept(3, StillClock()) as (others, (one, two, three), there):
        assert [others.take(0) for _ in range(3)] == [three, two, one]
        monkeypatch.setattr(pools, "IDLE_S", 0.2)
        pool = Pool(SystemClock())
        pool.give_back(one)
        asyncio.get_running_loop().call_later(0.1, half_time.set)
        await half_time.wait()
        pool.give_back(two)
        await asyncio.gather(*(line.over.wait() for line in there.lines[:2]))
        assert (one.usable, two.usable, three.usable) == (False, False, True)
        pool.give_back(three)
        await there.lines[2].over.wait()


async def test_one_that_was_closed_by_the_other_side_is_skipped() -> None:
    async with kept(3, StillClock()) as (pool, (one, _, three), there):
        there.lines[1].say_no_more()
        assert [pool.take(0) for _ in range(3)] == [three, one, None]


async def test_one_that_brought_what_nobody_asked_for_is_skipped() -> None:
    async with kept(3, StillClock()) as (pool, (one, _, three), there):
        there.lines[1].say(b"\r\n")
        assert [pool.take(0) for _ in range(3)] == [three, one, None]


async def test_one_that_is_closed_on_our_side_is_skipped_even_before_it_is_gone() -> None:
    async with kept(2, StillClock()) as (pool, (one, two), _):
        one.close()
        assert pool.take(0) is two
        two.close()
        pool.give_back(two)
        assert pool.take(0) is None


async def test_a_closed_pool_keeps_nothing() -> None:
    async with kept(2, StillClock()) as (pool, (one, two), there):
        assert pool.take(0) is two
        pool.close()
        assert (one.usable, two.usable) == (False, True)
        pool.give_back(two)
        assert (two.usable, pool.take(0)) == (False, None)
        await asyncio.gather(*(line.over.wait() for line in there.lines))


async def test_a_submit_that_ends_after_the_upstream_was_closed_keeps_its_answer() -> None:
    told = asyncio.Event()

    async def answers_late(line: Line) -> None:
        await line.request()
        told.set()
        await answer.wait()
        line.say(reply(200, accepted("job_1")))
        await line.ended()

    answer = asyncio.Event()
    async with provider(answers_late) as there, upstream(there.url) as met:
        submitting = asyncio.create_task(submit(met))
        await told.wait()
        met.close()
        answer.set()
        assert isinstance(await submitting, Accepted)
        await there.lines[0].over.wait()
