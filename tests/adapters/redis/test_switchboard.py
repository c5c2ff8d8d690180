"""The way to a line: one attempt for all who wait, bounded, greeted first; proof for those it did not put through."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from gateway.adapters.redis.connection import Command, Store, connect
from gateway.adapters.redis.line import LONGEST_QUEUE, PATIENCE_S
from gateway.ports import StoreRefused, StoreUnavailable
from tests.adapters.redis.listeners import listener
from tests.adapters.redis.mirror import echoed
from tests.adapters.redis.proxy import proxy_to
from tests.adapters.redis.waiting import until, until_it_answers
from tests.rigs.outages import Pace
from tests.store import running_store

EVERY_LOOP = True

# A hang is a failure; being slow on a busy machine is none.
BOUND_S = 20.0


async def refusal(call: Awaitable[object]) -> str:
    """Why the call was refused."""
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(StoreRefused) as refused:
            await call
    return str(refused.value)


async def test_where_nobody_listens_every_call_is_refused_and_the_next_one_asks_anew(tmp_path: Path) -> None:
    store = connect(f"unix://{tmp_path}/s")
    for text in ("one", "two"):
        assert "the store cannot be reached: FileNotFoundError" in await refusal(echoed(store, text))
    async with listener(b"-ERR go away\r\n", hangs_up=True) as (_, url, _):
        (tmp_path / "s").symlink_to(url.removeprefix("unix://"))
        with pytest.raises(StoreRefused):
            await echoed(store, "three")
    await store.close()


async def test_a_store_that_appears_is_found_by_the_next_call(tmp_path: Path) -> None:
    store = connect(f"unix://{tmp_path}/s")
    await refusal(echoed(store, "early"))

    with running_store() as url:
        (tmp_path / "s").symlink_to(url.removeprefix("unix://"))
        assert await echoed(store, "late") == "late"
    await store.close()


async def test_a_thousand_callers_share_one_attempt_that_gets_no_answer() -> None:
    async with listener() as (silent, url, _):
        store = connect(url)
        reasons = await asyncio.gather(*(refusal(echoed(store, str(n))) for n in range(1000)))

        assert set(reasons) == {"the store cannot be reached: TimeoutError: "}
        assert silent.connections == 1
        await refusal(echoed(store, "again"))
        assert silent.connections == 2
        await store.close()


async def test_a_call_that_joins_an_attempt_late_waits_only_for_the_rest_of_it() -> None:
    async with listener() as (silent, url, _):
        store = connect(url)
        first = asyncio.ensure_future(refusal(echoed(store, "first")))
        await until(lambda: silent.connections == 1)
        late = asyncio.ensure_future(refusal(echoed(store, "late")))
        await asyncio.gather(first, late)

        assert silent.connections == 1
        await store.close()


async def test_a_handshake_that_never_ends_is_bounded_too() -> None:
    """A server that takes a TLS connection and says nothing; nothing of it is left."""
    async with listener() as (silent, _, port):
        store = connect(f"rediss://127.0.0.1:{port}")
        before = sockets()
        assert "TimeoutError" in await refusal(echoed(store, "hello"))
        assert silent.connections == 1
        silent.abort()
        await until(lambda: sockets() <= before)
        await store.close()


def sockets() -> int:
    return sum(path.is_socket() for path in Path("/proc/self/fd").iterdir())


async def test_a_server_that_is_full_ran_nothing() -> None:
    with running_store(maxclients="1") as url:
        first, second = connect(url), connect(url)
        assert await until_it_answers(lambda: echoed(first, "first")) == "first"

        await refusal(echoed(second, "second"))

        await first.close()
        assert await until_it_answers(lambda: echoed(second, "second")) == "second"
        await second.close()


async def test_who_leaves_before_there_is_a_line_never_asked(store_url: str, store: Store) -> None:
    async with proxy_to(store_url) as (proxy, url):
        distant = connect(url)
        calls = [asyncio.ensure_future(distant.command("SADD", "{toll}:account:x", n)) for n in range(3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await distant.close()

    assert await store.command("SMEMBERS", "{toll}:account:x") == {b"0", b"2"}
    assert not any(b"$1\r\n1\r\n" in request for request in proxy.requests if b"SADD" in request)


async def test_no_more_wait_for_a_line_than_could_be_answered_in_time() -> None:
    async with listener() as (_, url, _):
        store = connect(url)
        calls = [asyncio.ensure_future(echoed(store, str(n))) for n in range(LONGEST_QUEUE)]
        await asyncio.sleep(0)

        assert "too many calls" in await refusal(echoed(store, "one more"))

        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreRefused}
        await store.close()


async def test_a_closed_store_refuses_those_who_wait_and_those_who_come() -> None:
    async with listener() as (silent, url, _):
        store = connect(url)
        waiting = asyncio.ensure_future(refusal(echoed(store, "waiting")))
        await until(lambda: silent.connections == 1)
        await store.close()

        assert await waiting == "the connection to the store was closed"
        assert await refusal(echoed(store, "late")) == "the connection to the store was closed"
        await store.close()


async def test_what_was_sent_before_a_store_was_closed_may_have_run(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)
        await echoed(store, "hello")
        proxy.let_through.clear()
        call = asyncio.ensure_future(echoed(store, "sent"))
        await until(lambda: any(b"sent" in request for request in proxy.requests))
        await store.close()

        with pytest.raises(StoreUnavailable) as failed:
            await call
        assert type(failed.value) is StoreUnavailable


async def test_what_was_not_sent_when_the_line_broke_did_not_run(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)
        await echoed(store, "hello")
        proxy.let_through.clear()
        sent = asyncio.ensure_future(echoed(store, "sent"))
        await until(lambda: any(b"sent" in request for request in proxy.requests))
        # Asked and closed within one tick of the event loop: nothing of it was written yet.
        unsent = asyncio.ensure_future(echoed(store, "unsent"))
        closing = asyncio.ensure_future(store.close())
        answers = await asyncio.gather(sent, unsent, closing, return_exceptions=True)

        assert [type(answer) for answer in answers[:2]] == [StoreUnavailable, StoreRefused]


# Greeting.


async def test_the_greeting_goes_first_on_every_line(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)
        heard = []

        async def greet(command: Command) -> None:
            heard.append((await command("INFO", "server"))["run_id"])
            heard.append(await command("ECHO", "greeting"))

        store.greet = greet
        answers = await asyncio.gather(*(echoed(store, str(n)) for n in range(5)))

        assert answers == [str(n) for n in range(5)]
        assert heard[1:] == [b"greeting"]
        everything = b"".join(proxy.requests)
        assert everything.index(b"greeting") < everything.index(b"$1\r\n0\r\n")

        proxy.abort()
        await until_it_answers(lambda: echoed(store, "again"))
        assert heard == [heard[0], b"greeting"] * 2
        await store.close()


async def test_a_line_that_the_greeting_rejects_is_used_by_nobody(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)

        class HistoryLost(StoreUnavailable):
            pass

        lost = True

        async def greet(command: Command) -> None:
            await command("PING")
            if lost:
                raise HistoryLost("this store forgot what it knew")

        store.greet = greet
        calls = [refusal(store.command("SET", "{toll}:account:x", n)) for n in range(20)]
        assert set(await asyncio.gather(*calls)) == {"this store forgot what it knew"}
        with pytest.raises(StoreRefused) as refused:
            await echoed(store, "hello")
        assert isinstance(refused.value.__cause__, HistoryLost)
        assert not any(b"SET" in request or b"hello" in request for request in proxy.requests)
        await until(lambda: not proxy.clients)

        lost = False
        assert await echoed(store, "hello") == "hello"
        await store.close()


async def test_a_greeting_that_hangs_keeps_nobody_longer_than_a_store_that_does() -> None:
    with running_store() as url:
        store = connect(url)
        begun = 0

        async def greet(_: Command) -> None:
            nonlocal begun
            begun += 1
            await asyncio.Event().wait()

        store.greet = greet
        reasons = await asyncio.gather(*(refusal(echoed(store, str(n))) for n in range(50)))

        assert set(reasons) == {"the store cannot be reached: TimeoutError: "}
        assert begun == 1
        store.greet = None
        assert await echoed(store, "after") == "after"
        await store.close()


async def test_a_greeting_that_asks_in_vain_is_bounded_too(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)

        async def greet(command: Command) -> None:
            proxy.let_through.clear()
            await command("PING")

        store.greet = greet
        await refusal(echoed(store, "hello"))
        store.greet = None
        proxy.let_through.set()
        assert await echoed(store, "after") == "after"
        await store.close()


async def test_a_line_that_breaks_as_it_opens_is_not_kept(store_url: str) -> None:
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)

        async def greet(command: Command) -> None:
            proxy.last_words = True
            assert await command("ECHO", "last words") == b"last words"

        store.greet = greet
        with pytest.raises(StoreUnavailable):
            await echoed(store, "hello")
        store.greet, proxy.last_words = None, False
        assert await until_it_answers(lambda: echoed(store, "after")) == "after"
        await store.close()


async def test_a_mistake_in_the_greeting_is_not_taken_for_trouble_with_the_store(store_url: str) -> None:
    store = connect(store_url)

    async def greet(_: Command) -> None:
        raise KeyError("a mistake of ours")

    store.greet = greet
    with pytest.raises(KeyError):
        await echoed(store, "hello")
    store.greet = None
    assert await echoed(store, "after") == "after"
    await store.close()


async def test_the_longest_way_to_an_answer_is_an_attempt_and_a_wait(store_url: str) -> None:
    """A call that waited for its line waits only for what is left of its time."""
    async with proxy_to(store_url) as (proxy, url):
        store = connect(url)

        async def greet(command: Command) -> None:
            await asyncio.sleep(PATIENCE_S - 0.5)
            proxy.let_through.clear()

        store.greet = greet
        loop, pace = asyncio.get_running_loop(), Pace()
        measuring = loop.create_task(pace.measure())
        started = loop.time()
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await echoed(store, "hello")
        ended = loop.time()
        measuring.cancel()
        # A whole second wait would have made it 2.5 s at least, and as much longer as the machine was busy otherwise.
        assert ended - started - pace.late(started, ended) < 2 * PATIENCE_S - 0.5
        await store.close()
