"""The connection, whatever the network and the store do: batched, never repeated, never mixed up, never stuck."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.embedded import open_embedded
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.line import PATIENCE_S
from gateway.core.account import Balance
from gateway.core.admission import Created, Exists
from gateway.core.ledger import Outcome, Verb
from gateway.ports import StoreUnavailable
from tests.adapters.redis.holds import HALF_A_DAY, TEAM, admission, demand, open_ledger
from tests.adapters.redis.proxy import Proxy, proxy_to
from tests.adapters.redis.waiting import process_of, until, until_it_answers
from tests.store import running_store

EVERY_LOOP = True

NOW = datetime.now(UTC)
PRICE = 700_000
JOB = admission("h1", demand(TEAM, PRICE, 10_000_000), created_at=NOW)
ONCE = Created((Balance(0, PRICE),))

# Nobody may wait longer for a store that says nothing.
LONGEST_S = 2.0


class Line:
    """A gateway's connection to a store where a ledger is ready, and the proxy it goes through."""

    def __init__(self, proxy: Proxy, store: Store) -> None:
        self.proxy = proxy
        self.store = store
        self.ledger = RedisLedger(store, "e1", HALF_A_DAY)

    async def echo(self, text: str) -> str:
        answer: bytes = await self.store.command("ECHO", text)
        return answer.decode()


@contextmanager
def losing_replies(line: Line) -> Iterator[None]:
    line.proxy.lose_replies = True
    yield
    line.proxy.lose_replies = False


@pytest.fixture
async def line(ledger: RedisLedger, store_url: str) -> AsyncIterator[Line]:
    async with proxy_to(store_url) as (proxy, url):
        distant = Line(proxy, connect(url))
        assert await distant.echo("hello") == "hello"
        proxy.requests.clear()
        yield distant
        await distant.store.close()


async def test_calls_of_one_tick_travel_together(line: Line) -> None:
    texts = [f"word {n}" for n in range(200)]

    assert await asyncio.gather(*(line.echo(text) for text in texts)) == texts

    assert len(line.proxy.requests) == 1
    assert line.proxy.requests[0].count(b"word ") == 200
    assert line.proxy.connections == 1


async def test_scripts_of_one_tick_travel_together_and_run_in_order(line: Line) -> None:
    jobs = [admission(f"h{n}", demand(TEAM, PRICE, 10 * PRICE), created_at=NOW) for n in range(30)]
    await asyncio.gather(line.ledger.admit(jobs[0], NOW), line.ledger.admit(jobs[0], NOW))
    line.proxy.requests.clear()

    answers = await asyncio.gather(*(line.ledger.admit(job, NOW) for job in jobs))

    # A full batch leaves at once, the rest when the tick ends.
    assert b"".join(line.proxy.requests).count(b"EVALSHA") == 2
    assert [isinstance(answer, Created) for answer in answers] == [True] * 10 + [False] * 20


async def test_a_call_waits_for_nobody_elses_tick(line: Line) -> None:
    for text in ("one", "two", "three"):
        assert await line.echo(text) == text
    assert len(line.proxy.requests) == 3


async def test_a_store_that_forgot_its_scripts_is_told_them_again(line: Line) -> None:
    for _ in range(2):
        await line.store.command("SCRIPT", "FLUSH")
        assert await line.ledger.admit(JOB, NOW) == ONCE
    await line.store.command("SCRIPT", "FLUSH")
    assert (await line.ledger.move(Verb.CAPTURE, JOB.hold, NOW, job="j1", cost=PRICE)).outcome is Outcome.CAPTURED
    assert [entry.kind for entry in await line.ledger.entries()] == ["hold", "captured"]


async def test_a_forgotten_script_is_asked_for_once_and_told_once(line: Line) -> None:
    await line.store.command("SCRIPT", "FLUSH")
    line.proxy.requests.clear()
    await line.ledger.admit(JOB, NOW)

    asked = b"".join(line.proxy.requests)
    assert asked.count(b"EVALSHA") == 1
    assert asked.count(b"$4\r\nEVAL\r\n") == 1


async def test_telling_a_script_again_takes_no_longer_than_any_call_may(line: Line) -> None:
    await line.store.command("SCRIPT", "FLUSH")

    async def late_and_then_nothing(replies: list[bytes]) -> list[bytes]:
        await asyncio.sleep(PATIENCE_S - 0.5)
        line.proxy.let_through.clear()
        return replies

    line.proxy.forge = late_and_then_nothing
    assert await refused_after(0, line.ledger.admit(JOB, NOW)) < 2 * PATIENCE_S - 0.5


async def test_a_store_that_restarts_forgets_scripts_and_nothing_else(tmp_path: Path) -> None:
    async with asyncio.timeout(60), open_embedded(tmp_path) as url:
        connection = connect(url)
        ledger = await open_ledger(connection)
        assert await ledger.admit(JOB, NOW) == ONCE
        os.kill(await process_of(connection), signal.SIGKILL)

        assert await until_it_answers(lambda: ledger.admit(JOB, NOW)) == ONCE

        assert [entry.kind for entry in await ledger.entries()] == ["hold"]
        await connection.close()


@pytest.fixture
async def warm(line: Line) -> Line:
    """The store knows the scripts already."""
    other = admission("h0", demand(TEAM, 0, 10_000_000), created_at=NOW)
    await line.ledger.admit(other, NOW)
    await line.ledger.move(Verb.VOID, other.hold, NOW)
    return line


async def test_an_admission_whose_reply_is_lost_was_made_and_is_not_made_again(warm: Line) -> None:
    with losing_replies(warm), pytest.raises(StoreUnavailable):
        await warm.ledger.admit(JOB, NOW)
    assert await warm.ledger.balances((TEAM,)) == (Balance(0, PRICE),)

    assert await warm.ledger.admit(JOB, NOW) == ONCE
    stranger = admission("h1", *JOB.demands, attempt="another gateway's")
    assert await warm.ledger.admit(stranger, NOW) == Exists("h1", same_body=True)
    assert [entry.kind for entry in await warm.ledger.entries(after=2)] == ["hold"]


async def test_a_move_whose_reply_is_lost_was_made_and_is_not_made_again(warm: Line) -> None:
    await warm.ledger.admit(JOB, NOW)
    for verb, job in ((Verb.CAPTURE, "j1"), (Verb.REFUND, "")):
        with losing_replies(warm), pytest.raises(StoreUnavailable):
            await warm.ledger.move(verb, JOB.hold, NOW, job=job, cost=PRICE)

        assert (await warm.ledger.move(verb, JOB.hold, NOW, job=job, cost=PRICE)).outcome is Outcome.ALREADY

    assert [entry.kind for entry in await warm.ledger.entries(after=2)] == ["hold", "captured", "refunded"]
    assert await warm.ledger.balances((TEAM,)) == (Balance(0, 0),)


async def test_the_library_repeats_nothing_by_itself(line: Line) -> None:
    with losing_replies(line), pytest.raises(StoreUnavailable):
        await line.store.command("INCRBY", keys.job("counter"), 100)

    assert await line.store.command("GET", keys.job("counter")) == b"100"
    assert sum(b"INCRBY" in request for request in line.proxy.requests) == 1


async def test_a_lost_request_is_no_answer_either_and_nothing_happened(line: Line) -> None:
    line.proxy.lose_requests = True
    with pytest.raises(StoreUnavailable):
        await line.ledger.admit(JOB, NOW)
    line.proxy.lose_requests = False

    assert await line.ledger.find("h1") is None
    assert await line.ledger.admit(JOB, NOW) == ONCE


async def test_all_callers_of_a_lost_batch_hear_of_it(line: Line) -> None:
    with losing_replies(line):
        answers = await asyncio.gather(*(line.echo(str(n)) for n in range(50)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [StoreUnavailable] * 50


async def test_a_late_reply_is_never_taken_for_the_answer_to_the_next_call(line: Line) -> None:
    line.proxy.let_through.clear()
    with pytest.raises(StoreUnavailable):
        await line.echo("late")
    line.proxy.let_through.set()

    for n in range(20):
        assert await line.echo(str(n)) == str(n)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_frozen_store_keeps_nobody_waiting_and_is_used_again_when_it_thaws() -> None:
    with running_store() as url:
        connection = connect(url)
        ledger = await open_ledger(connection)
        jobs = [admission(f"h{n}", demand(TEAM, PRICE, 1_000 * PRICE), created_at=NOW) for n in range(200)]
        assert isinstance(await ledger.admit(jobs[0], NOW), Created)
        with frozen(await process_of(connection)):
            waits = await asyncio.gather(
                *(refused_after(n / 100, ledger.admit(job, NOW)) for n, job in enumerate(jobs))
            )
        assert max(waits) < LONGEST_S

        await until_it_answers(lambda: connection.command("PING"))
        answers = await asyncio.gather(*(ledger.admit(job, NOW) for job in jobs))

        assert all(isinstance(answer, Created) for answer in answers)
        assert await ledger.balances((TEAM,)) == (Balance(0, 200 * PRICE),)
        assert len(await ledger.entries()) == 200
        await connection.close()


async def refused_after(start: float, call: Awaitable[object]) -> float:
    """How long a call that starts then waits to hear that the store does not answer."""
    await asyncio.sleep(start)
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await call
    return time.monotonic() - started


async def test_a_caller_that_leaves_disturbs_nobody(line: Line) -> None:
    line.proxy.let_through.clear()
    calls = [asyncio.ensure_future(line.echo(str(n))) for n in range(20)]
    await until(lambda: len(line.proxy.requests) == 1)
    calls[7].cancel()
    line.proxy.let_through.set()

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(answers[7], asyncio.CancelledError)
    assert [answer for n, answer in enumerate(answers) if n != 7] == [str(n) for n in range(20) if n != 7]
    assert await line.echo("after") == "after"
    assert line.proxy.connections == 1


async def test_a_caller_that_leaves_before_anything_was_sent_disturbs_nobody(line: Line) -> None:
    calls = [asyncio.ensure_future(line.echo(str(n))) for n in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()

    assert await asyncio.gather(*calls[1:]) == ["1", "2"]


async def test_a_refused_call_fails_alone(line: Line) -> None:
    wrong = line.store.command("HGET", keys.POLICY, "field")

    answers = await asyncio.gather(line.echo("before"), wrong, line.echo("after"), return_exceptions=True)

    assert answers[0] == "before"
    assert isinstance(answers[1], StoreUnavailable)
    assert answers[2] == "after"


async def test_a_call_that_cannot_be_written_fails_alone(line: Line) -> None:
    """Half of a surrogate pair has no bytes."""
    async with asyncio.timeout(LONGEST_S):
        answers = await asyncio.gather(
            line.echo("before"), line.echo("\ud800"), line.echo("after"), return_exceptions=True
        )

    assert answers[0] == "before"
    assert isinstance(answers[1], UnicodeEncodeError)
    assert answers[2] == "after"


async def test_a_store_that_is_not_there_is_said_so_at_once(tmp_path: Path) -> None:
    connection = connect(f"unix://{tmp_path}/nobody")

    async with asyncio.timeout(LONGEST_S):
        with pytest.raises(StoreUnavailable):
            await connection.command("PING")
    await connection.close()


async def test_replies_are_read_as_the_library_reads_them(store: Store) -> None:
    assert (await store.command("INFO", "server"))["process_id"] == (await store.client.info("server"))["process_id"]
    assert await store.command("CONFIG GET", "maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert await store.command("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"noeviction"]


async def test_calls_of_scripts_are_observed_by_name_and_by_how_they_ended(ledger: RedisLedger, store_url: str) -> None:
    seen: list[tuple[str, bool]] = []
    async with proxy_to(store_url) as (proxy, url):
        watched = connect(url, lambda operation, seconds, failed: seen.append((operation, failed or seconds < 0)))
        distant = RedisLedger(watched, "e1", HALF_A_DAY)
        await distant.admit(JOB, NOW)
        proxy.lose_replies = True
        with pytest.raises(StoreUnavailable):
            await distant.move(Verb.VOID, JOB.hold, NOW)
        await watched.close()

    assert seen == [("hold", False), ("move", True)]


async def test_tags_begin_with_what_was_drawn_for_this_process_and_never_repeat(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url, draw=lambda size: b"\xab" * size)
        for n in range(3):
            await store.command("ECHO", str(n))
        proxy.abort()
        await until_it_answers(lambda: store.command("ECHO", "again"))
        await store.close()

    tags = re.findall(rb"(?:ab){8}[0-9a-f]{16}", b"".join(proxy.requests))
    assert len(tags) == len(set(tags)) > 4
