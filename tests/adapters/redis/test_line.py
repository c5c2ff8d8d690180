"""One line under many callers, whatever comes back on it: an answer is the caller's own, or there is none."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import combinations, permutations
from typing import Final, TypeAlias

import pytest

from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.line import LONGEST_QUEUE, PATIENCE_S
from gateway.ports import StoreRefused, StoreUnavailable
from tests.adapters.redis.mirror import echoed, mirrored
from tests.adapters.redis.proxy import Proxy, proxy_to
from tests.adapters.redis.waiting import process_of, until, until_it_answers
from tests.store import running_store

EVERY_LOOP = True

Ask: TypeAlias = Callable[[Store, str], Awaitable[str]]
Lie: TypeAlias = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
async def proxy(store_url: str) -> AsyncIterator[Proxy]:
    async with proxy_to(store_url) as (proxy, _):
        yield proxy


@pytest.fixture
async def distant(proxy: Proxy) -> AsyncIterator[Store]:
    """A store behind the proxy, on a line that is open; it knows the script."""
    store = connect(proxy.url)
    assert await mirrored(store, "hello") == "hello"
    proxy.requests.clear()
    yield store
    await store.close()


# Lies. Of three calls there are six replies: every call's answer, and the echo of its tag.

REPLIES: Final = range(6)
ANSWERS: Final = (0, 2, 4)


def put(*order: int) -> Lie:
    """The replies at these places, in this order."""
    return lambda replies: [replies[n] for n in order]


LOST: Final = {f"{n} lost": put(*(m for m in REPLIES if m != n)) for n in REPLIES}
TWICE: Final = {f"{n} twice": put(*sorted((*REPLIES, n))) for n in REPLIES}
TWICE_FOR_ANOTHER: Final = {
    f"{n} twice and {lost} lost": put(*sorted((*(m for m in REPLIES if m != lost), n)))
    for n, lost in permutations(REPLIES, 2)
}


def exchanged(n: int, m: int) -> Lie:
    return put(*({n: m, m: n}.get(place, place) for place in REPLIES))


EXCHANGED: Final = {f"{n} and {m} exchanged": exchanged(n, m) for n, m in combinations(REPLIES, 2)}
# What no echo betrays: answers that change places while the tags stay where they were.
ANSWERS_EXCHANGED: Final = {f"{n} and {m} exchanged": exchanged(n, m) for n, m in combinations(ANSWERS, 2)}
OTHERS: Final = {
    "backwards": put(5, 4, 3, 2, 1, 0),
    "the last call first": put(4, 5, 0, 1, 2, 3),
    "everything twice": put(*REPLIES, *REPLIES),
}
ALL: Final = {**LOST, **TWICE, **TWICE_FOR_ANOTHER, **EXCHANGED, **OTHERS}


def lie_once(proxy: Proxy, lie: Lie) -> None:
    """Let the proxy put the lie in place of the next six replies, and then be honest."""
    kept: list[bytes] = []

    async def forge(replies: list[bytes]) -> list[bytes]:
        kept.extend(replies)
        if len(kept) < len(REPLIES):
            return []
        proxy.forge = None
        return lie(kept[: len(REPLIES)]) + kept[len(REPLIES) :]

    proxy.forge = forge


async def deceive(store: Store, proxy: Proxy, asks: tuple[Ask, ...], name: str) -> None:
    """Whoever asks while the proxy lies gets their own answer or none; whoever asks afterwards gets theirs."""
    lie_once(proxy, ALL[name])
    calls = [asyncio.ensure_future(ask(store, f"{name} {n}")) for n, ask in enumerate(asks)]
    await until(lambda: proxy.forge is None)
    # Something may still be owed: another call lets that show.
    more = asyncio.ensure_future(echoed(store, "more"))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    wrong = [
        (n, answer)
        for n, answer in enumerate(answers)
        # All of them ran, so no failure may claim the contrary.
        if answer != f"{name} {n}" and type(answer) is not StoreUnavailable
    ]
    assert wrong == []
    await asyncio.gather(more, return_exceptions=True)
    assert await until_it_answers(lambda: echoed(store, name)) == name


async def test_no_script_gets_the_answer_of_another(distant: Store, proxy: Proxy) -> None:
    for name in ALL:
        await deceive(distant, proxy, (mirrored, mirrored, mirrored), name)


@pytest.mark.parametrize("asks", [(echoed, mirrored, mirrored), (mirrored, mirrored, echoed)])
async def test_scripts_and_commands_do_not_get_each_others_answers(
    distant: Store, proxy: Proxy, asks: tuple[Ask, ...]
) -> None:
    for name in ALL:
        await deceive(distant, proxy, asks, name)


async def test_no_command_gets_the_answer_of_another_unless_answers_change_places(distant: Store, proxy: Proxy) -> None:
    for name in ALL.keys() - ANSWERS_EXCHANGED.keys():
        await deceive(distant, proxy, (echoed, echoed, echoed), name)


async def test_every_lie_costs_the_line(distant: Store, proxy: Proxy) -> None:
    """None of them goes unnoticed, not even one that harmed nobody yet."""
    for name in ALL:
        lines = proxy.connections
        await deceive(distant, proxy, (mirrored, mirrored, mirrored), name)
        assert proxy.connections == lines + 1, name


async def test_what_nobody_asked_for_costs_the_line(distant: Store, proxy: Proxy) -> None:
    proxy.say(b"+OK\r\n")
    await until(lambda: not proxy.clients)

    assert await mirrored(distant, "after") == "after"
    assert proxy.connections == 2


async def test_what_is_no_reply_at_all_costs_the_line(distant: Store, proxy: Proxy) -> None:
    async def nonsense(_: list[bytes]) -> list[bytes]:
        proxy.forge = None
        return [b"HTTP/1.1 400 Bad Request\r\n\r\n"]

    proxy.forge = nonsense
    with pytest.raises(StoreUnavailable, match="does not speak its protocol"):
        await mirrored(distant, "before")

    assert await mirrored(distant, "after") == "after"


# Much, and many.


async def test_answers_keep_the_order_of_the_calls(distant: Store, proxy: Proxy) -> None:
    async def one(n: int) -> None:
        for turn in range(20):
            text = f"{n} in turn {turn}"
            assert await (mirrored if (n + turn) % 3 else echoed)(distant, text) == text

    await asyncio.gather(*(one(n) for n in range(200)))
    assert proxy.connections == 1


async def test_answers_that_come_in_crumbs_are_whole(distant: Store, proxy: Proxy) -> None:
    proxy.crumbs = 3
    texts = [f"word {n} " * n for n in range(40)]

    assert await asyncio.gather(*(mirrored(distant, text) for text in texts)) == texts


async def test_huge_answers_are_whole(store: Store) -> None:
    """Far larger than what is read at a time."""
    texts = ["small", "x" * 2_000_000, "also small", "y" * 1_000_001]

    assert await asyncio.gather(*(mirrored(store, text) for text in texts)) == texts


async def test_more_calls_than_could_be_answered_in_time_are_refused_at_once(distant: Store, proxy: Proxy) -> None:
    proxy.let_through.clear()
    calls = [asyncio.ensure_future(echoed(distant, str(n))) for n in range(LONGEST_QUEUE)]
    await asyncio.sleep(0)

    with pytest.raises(StoreRefused, match="too many calls"):
        await echoed(distant, "one more")

    proxy.let_through.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [
        answer for n, answer in enumerate(answers) if answer != str(n) and type(answer) is not StoreUnavailable
    ] == []
    assert await until_it_answers(lambda: echoed(distant, "after")) == "after"


# Time.


async def test_one_call_that_waits_too_long_costs_all_of_them_their_line(distant: Store, proxy: Proxy) -> None:
    proxy.let_through.clear()
    first = asyncio.ensure_future(echoed(distant, "first"))
    await until(lambda: len(proxy.requests) == 1)
    await asyncio.sleep(PATIENCE_S / 2)
    later = [asyncio.ensure_future(echoed(distant, str(n))) for n in range(10)]

    answers = await asyncio.gather(first, *later, return_exceptions=True)

    assert [type(answer) for answer in answers] == [StoreUnavailable] * 11
    assert {str(answer) for answer in answers} == {f"the store did not answer in {PATIENCE_S} s"}
    proxy.let_through.set()
    assert await echoed(distant, "after") == "after"


async def test_answers_that_came_while_the_event_loop_was_late_are_not_thrown_away() -> None:
    with running_store() as url:
        store = connect(url)
        assert await mirrored(store, "hello") == "hello"
        pid, loop = await process_of(store), asyncio.get_running_loop()
        os.kill(pid, signal.SIGSTOP)
        call = asyncio.ensure_future(mirrored(store, "patient"))
        await asyncio.sleep(0.01)

        def answered_and_late() -> None:
            loop.remove_reader(ours)
            os.kill(pid, signal.SIGCONT)
            time.sleep(PATIENCE_S + 0.1)

        ours, theirs = socket.socketpair()
        loop.add_reader(ours, answered_and_late)
        theirs.send(b"now")
        assert await call == "patient"
        for end in (ours, theirs):
            end.close()
        await store.close()


async def test_a_line_that_was_quiet_for_long_is_still_good(distant: Store, proxy: Proxy) -> None:
    await asyncio.sleep(PATIENCE_S + 0.1)

    assert await mirrored(distant, "after") == "after"
    assert proxy.connections == 1


# Callers that leave.


async def test_callers_that_leave_at_any_moment_disturb_nobody(distant: Store, proxy: Proxy) -> None:
    async def leaving(n: int) -> str:
        call = asyncio.ensure_future(mirrored(distant, f"leaving {n}"))
        for _ in range(n % 7):
            await asyncio.sleep(0)
        call.cancel()
        return await call

    async def staying(n: int) -> str:
        return await mirrored(distant, f"staying {n}")

    calls = [(leaving if n % 2 else staying)(n) for n in range(100)]
    answers = await asyncio.gather(*calls, return_exceptions=True)

    for n, answer in enumerate(answers):
        if n % 2:
            assert answer == f"leaving {n}" or isinstance(answer, asyncio.CancelledError)
        else:
            assert answer == f"staying {n}"
    assert proxy.connections == 1
