"""Answers that are passed on as they come: whole or broken off, never too much of them at once, and never the key."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.system import SystemClock
from gateway.adapters.upstream import HttpUpstream
from gateway.adapters.upstream.inflow import blotted_pieces
from gateway.adapters.upstream.request import Trouble
from gateway.ports import Question, Streamed, Unanswered
from tests.adapters.upstream.lines import Line, provider, upstream
from tests.walkthrough.house import CANARY
from tests.walkthrough.stranger import Act, reply, says, says_and_closes, says_and_resets, stays_silent, stranger


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What is paused and resumed must be so on both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def question(lasts: float = 60, *, keyed: bool = True) -> Question:
    ends = SystemClock().monotonic() + lasts
    return Question("GET", "/v1/models?a=b", {"X-Request-Id": "req_1"}, None, ends, keyed)


async def body(met: HttpUpstream) -> bytes:
    async with met.passage(question()) as opened:
        assert isinstance(opened, Streamed), opened
        return b"".join([piece async for piece in opened.pieces])


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_an_answer_longer_than_any_other_may_be_comes_through_whole() -> None:
    long = bytes(range(256)) * 4 * 1024 * 5
    async with stranger(says(reply(200, long))) as there, upstream(there.url) as met:
        assert await body(met) == long
        assert await body(met) == long
        assert (there.connections, len(there.requests)) == (1, 2)
        assert there.head().split("\r\n")[0] == "GET /v1/models?a=b HTTP/1.1"
        assert f"Authorization: Bearer {CANARY}" in there.head()


async def test_the_head_comes_before_the_body_and_an_error_passes_too() -> None:
    more = asyncio.Event()

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 No\r\nContent-Length: 4\r\nX-A: b\r\n\r\n12")
        await more.wait()
        writer.write(b"34")

    async with stranger(act) as there, upstream(there.url) as met, met.passage(question()) as opened:
        assert isinstance(opened, Streamed)
        assert (opened.head.status, opened.head.headers["X-A"]) == (404, "b")
        more.set()
        assert b"".join([piece async for piece in opened.pieces]) == b"1234"


async def test_without_a_key_none_is_sent() -> None:
    async with stranger(says(reply(200, b"[]"))) as there, upstream(there.url) as met:
        async with met.passage(question(keyed=False)) as opened:
            assert isinstance(opened, Streamed)
        assert CANARY not in there.head()
        assert "uthorization" not in there.head()


@pytest.mark.parametrize(
    "act",
    [
        says_and_closes(reply(200, b"12", length=4)),
        says_and_resets(reply(200, b"12", length=4)),
        says_and_closes(CHUNKED + b"2\r\n12\r\n"),
        says_and_closes(CHUNKED + b"2\r\n12\r\nxx\r\n"),
    ],
)
async def test_what_breaks_off_never_looks_whole(act: Act) -> None:
    async with stranger(act) as there, upstream(there.url) as met:
        with pytest.raises((Trouble, OSError)):
            await body(met)
        assert len(there.requests) == 1


async def test_a_body_that_ends_with_its_connection_is_whole() -> None:
    act = says_and_closes(b"HTTP/1.1 200 OK\r\n\r\n1234")
    async with stranger(act) as there, upstream(there.url) as met:
        assert await body(met) == b"1234"


@pytest.mark.parametrize(
    "act", [says_and_resets(), says(b"no HTTP\r\n\r\n"), says_and_closes(b"HTTP/1.1 200 OK\r\nA: ")]
)
async def test_without_a_head_there_is_no_answer(act: Act) -> None:
    async with stranger(act) as there, upstream(there.url) as met, met.passage(question()) as opened:
        assert isinstance(opened, Unanswered)


async def test_a_head_that_does_not_come_in_time_is_given_up() -> None:
    async with stranger(stays_silent) as there, upstream(there.url) as met, met.passage(question(0.1)) as opened:
        assert opened == Unanswered("TimeoutError")


async def test_silence_in_the_middle_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.upstream.client.SILENCE_S", 0.1)
    async with stranger(says(reply(200, b"12", length=4))) as there, upstream(there.url) as met:
        with pytest.raises(TimeoutError):
            await body(met)


async def test_whoever_goes_away_leaves_no_half_reply_to_the_next() -> None:
    half = says(reply(200, b"12", length=4))
    async with stranger(half, says(reply(200, b"whole"))) as there, upstream(there.url) as met:
        async with met.passage(question()) as opened:
            assert isinstance(opened, Streamed)
        assert await body(met) == b"whole"
        assert there.connections == 2


async def test_nothing_is_read_ahead_of_whoever_takes_it() -> None:
    """The other side gets rid of what sockets and a small buffer take, and no more, before somebody reads."""
    size = 64 * 1024 * 1024
    sent = 0

    async def script(line: Line) -> None:
        nonlocal sent
        await line.read(4)
        await line.say_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = b"x" * 65536
        while sent < size:
            await line.say_all(piece)
            sent += len(piece)

    async with provider(script) as there, upstream(there.url) as met, met.passage(question()) as opened:
        assert isinstance(opened, Streamed)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < size / 2
        received = 0
        async for got in opened.pieces:
            received += len(got)
        assert received == size


SECRET = b"pb_abcab"


@given(st.lists(st.sampled_from([SECRET, b"pb_abc", b"ab", b"pb_", b"x", b""]), max_size=12), st.data())
def test_a_secret_is_found_wherever_it_is_cut(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    async def came() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def passed() -> bytes:
        return b"".join([piece async for piece in blotted_pieces(came(), SECRET, b"[redacted]")])

    assert asyncio.run(passed()) == whole.replace(SECRET, b"[redacted]")
