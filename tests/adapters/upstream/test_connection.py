"""Connections that break, babble or linger, at every byte: what was sent is never taken for not sent, or sent again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.adapters.upstream.connection import Connection
from gateway.core.reply import Accepted, NotSent, Rejected, Unknown, UpstreamResult
from tests.adapters.upstream.lines import Line, provider, submit, upstream
from tests.doubles import StillClock
from tests.walkthrough.outcomes import accepted, envelope
from tests.walkthrough.stranger import reply

OK = reply(200, accepted("job_1"))
ENDS: dict[str, Callable[[Line], None]] = {"closes": Line.close, "resets": Line.reset}

ends = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())


async def job(result: UpstreamResult) -> str:
    assert isinstance(result, Accepted), result
    return result.job_id


@ends
async def test_a_reply_that_stops_at_any_byte_leaves_doubt(end: Callable[[Line], None]) -> None:
    """And so it is with the second reply of a connection as with the first."""
    at = 0

    async def stops(line: Line) -> None:
        await line.request()
        line.say(OK)
        await line.request()
        line.say(OK[:at])
        end(line)

    async with provider(stops) as there:
        for at in range(len(OK)):
            async with upstream(there.url) as met:
                assert await job(await submit(met)) == "job_1"
                assert isinstance(await submit(met), Unknown), at
            # It was asked on the connection that had worked, and on no other.
            assert len(there.lines) == at + 1


async def test_a_reply_that_stops_at_its_end_is_whole() -> None:
    async def stops(line: Line) -> None:
        await line.request()
        line.say(OK)
        line.close()

    async with provider(stops) as there, upstream(there.url) as met:
        for _ in range(3):
            assert await job(await submit(met)) == "job_1"
        assert len(there.lines) == 3


@ends
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
async def test_a_request_that_is_not_read_to_the_end_leaves_doubt(end: Callable[[Line], None], kept: bool) -> None:
    """Whatever byte was the last to be taken: it may have been enough for a job."""
    size = 0

    async def takes(line: Line) -> None:
        if kept:
            await line.request()
            line.say(OK)
        await line.read(len(line.received) + size)
        end(line)

    async def measures(line: Line) -> None:
        await line.request()
        line.say(OK)

    async with provider(measures) as there, upstream(there.url) as met:
        await submit(met)
        whole = len(there.lines[0].received)

    async with provider(takes) as there:
        for size in range(1, whole + 1):
            async with upstream(there.url) as met:
                if kept:
                    assert await job(await submit(met)) == "job_1"
                assert isinstance(await submit(met), Unknown), size
            assert len(there.lines) == there.reached == size


@ends
async def test_a_connection_that_is_closed_untouched_is_asked_at_most_once(end: Callable[[Line], None]) -> None:
    """Seen in time, nothing was sent; else nobody knows. In neither case is there a second try."""

    async def is_not_at_home(line: Line) -> None:
        end(line)

    async with provider(is_not_at_home) as there, upstream(there.url) as met:
        for number in range(50):
            assert isinstance(await submit(met), NotSent | Unknown)
            assert len(there.lines) == number + 1


async def test_a_new_connection_that_is_seen_to_end_before_it_is_used_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ended(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._loop.call_soon(self.eof_received)

    monkeypatch.setattr("gateway.adapters.upstream.origin.Connection", Ended)
    async with provider(talks) as there, upstream(there.url) as met:
        for number in range(1, 4):
            assert await submit(met) == NotSent("connection closed before the request")
            await (await there.arrivals.get()).over.wait()
            assert (len(there.lines), there.reached) == (number, 0)


async def talks(line: Line) -> None:
    """Answers one request after the other, with the jobs job_1, job_2 and so on."""
    number = 0
    while True:
        await line.request()
        number += 1
        line.say(reply(200, accepted(f"job_{number}")))


async def talks_once(line: Line) -> None:
    await line.request()
    line.say(OK)


@ends
async def test_a_kept_connection_that_ended_a_moment_ago_is_not_asked(end: Callable[[Line], None]) -> None:
    """Not even if the event loop has had no chance to notice, as it has not here."""
    async with provider(talks_once) as there, upstream(there.url) as met:
        for number in range(1, 21):
            assert await job(await submit(met)) == "job_1"
            assert len(there.lines) == number
            end(there.lines[-1])


async def test_a_kept_connection_that_ended_some_time_ago_is_not_asked() -> None:
    async with provider(talks_once) as there, upstream(there.url, StillClock()) as met:
        assert await job(await submit(met, 60.0)) == "job_1"
        there.lines[0].say_no_more()
        await there.lines[0].ended()
        assert await job(await submit(met, 60.0)) == "job_1"
        assert len(there.lines) == 2


@pytest.mark.parametrize("seen", [False, True], ids=["a moment ago", "some time ago"])
async def test_what_nobody_asked_for_is_never_an_answer(seen: bool) -> None:
    async with provider(talks_once) as there, upstream(there.url, StillClock()) as met:
        assert await job(await submit(met, 60.0)) == "job_1"
        there.lines[0].say(reply(200, accepted("job_evil")))
        if seen:
            await there.lines[0].ended()
        assert await job(await submit(met, 60.0)) == "job_1"
        assert len(there.lines) == 2
        if not seen:
            await there.lines[0].ended()


@pytest.mark.parametrize("junk", [b"x", OK, b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"\0" * 70_000])
async def test_what_follows_a_reply_ends_the_connection_and_not_the_reply(junk: bytes) -> None:
    async def goes_on(line: Line) -> None:
        await line.request()
        await line.say_all(OK + junk)
        await line.ended()

    async with provider(goes_on) as there, upstream(there.url) as met:
        for number in range(1, 4):
            assert await job(await submit(met)) == "job_1"
            assert len(there.lines) == number
        await there.lines[0].over.wait()


async def test_empty_lines_between_replies_mean_nothing() -> None:
    async def pads(line: Line) -> None:
        for number in range(1, 4):
            await line.request()
            line.say(reply(200, accepted(f"job_{number}")) + b"\r\n\r\n")

    async with provider(pads) as there, upstream(there.url) as met:
        assert [await job(await submit(met)) for _ in range(3)] == ["job_1", "job_2", "job_3"]


@pytest.mark.parametrize(
    "last",
    [
        reply(200, accepted("job_1"), "Connection: close"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
    ids=["says so", "is of the old kind", "is another protocol's first"],
)
async def test_a_reply_that_is_the_last_one_is_the_last_one(last: bytes) -> None:
    async def once(line: Line) -> None:
        await line.request()
        line.say(last)
        await line.ended()

    async with provider(once) as there, upstream(there.url) as met:
        results = [await submit(met) for _ in range(3)]
        assert isinstance(results[0], Accepted) or results[0] == Unknown("undocumented 101", surprising=True)
        assert (results, len(there.lines)) == ([results[0]] * 3, 3)
        assert [line.received.count(b"POST ") for line in there.lines] == [1, 1, 1]


@ends
async def test_a_body_that_ends_with_its_connection(end: Callable[[Line], None]) -> None:
    """A close is its end; a reset is none."""

    async def ends_so(line: Line) -> None:
        await line.request()
        line.say(b"HTTP/1.1 200 OK\r\n\r\n" + accepted("job_1"))
        end(line)

    async with provider(ends_so) as there, upstream(there.url) as met:
        kind = Accepted if end is Line.close else Unknown
        assert [type(await submit(met)) for _ in range(2)] == [kind] * 2
        assert len(there.lines) == 2


async def test_interim_replies_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>; rel=preload\r\n\r\n"

    async def thinks_aloud(line: Line) -> None:
        while True:
            await line.request()
            for piece in (interim, interim[:30], interim[30:], interim + OK[:3], OK[3:]):
                line.say(piece)
                await asyncio.sleep(0)

    async with provider(thinks_aloud) as there, upstream(there.url) as met:
        for _ in range(2):
            result = await submit(met)
            assert await job(result) == "job_1"
            assert isinstance(result, Accepted)
            assert "Link" not in result.reply.headers
        assert len(there.lines) == 1


async def test_an_answer_to_half_a_request_counts_and_ends_the_connection() -> None:
    refusal = envelope("INVALID_INPUT")

    async def has_heard_enough(line: Line) -> None:
        await line.read(1000)
        line.say(reply(413, refusal))
        await asyncio.Event().wait()

    async with provider(has_heard_enough, receive_buffer=4096) as there, upstream(there.url) as met:
        for number in range(1, 4):
            result = await submit(met, body=b" " * 16 * 1024**2)
            assert isinstance(result, Rejected)
            assert (result.reply.status, result.reply.body) == (413, refusal)
            assert len(there.lines) == number


async def test_a_submit_that_is_given_up_takes_its_connection_with_it() -> None:
    asked = asyncio.Event()

    async def dawdles(line: Line) -> None:
        await line.request()
        asked.set()
        await line.ended()

    async with provider(dawdles) as there, upstream(there.url) as met:
        first = asyncio.create_task(submit(met))
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await there.lines[0].over.wait()

        asked.clear()
        second = asyncio.create_task(submit(met))
        await asked.wait()
        assert len(there.lines) == 2
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second


async def test_a_submit_that_is_given_up_as_its_answer_comes_takes_its_connection_with_it() -> None:
    async with provider(talks) as there, upstream(there.url) as met:
        connections: list[Connection] = []
        arrives = Connection.data_received

        def arrives_too_late(self: Connection, data: bytes) -> None:
            first.cancel()
            connections.append(self)
            arrives(self, data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Connection, "data_received", arrives_too_late)
            first = asyncio.create_task(submit(met))
            with pytest.raises(asyncio.CancelledError):
                await first
        assert not connections[0].usable
        assert await job(await submit(met)) == "job_1"
        assert len(there.lines) == 2


async def test_a_deadline_ends_with_its_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of no concern to the next one on the same connection; and it is the only timer of a submit."""
    loop = asyncio.get_running_loop()
    call_later, timers = loop.call_later, list[tuple[float, asyncio.TimerHandle]]()

    def noted(delay: float, *call: Any) -> asyncio.TimerHandle:
        timers.append((delay, call_later(delay, *call)))
        return timers[-1][1]

    async with provider(talks) as there, upstream(there.url, StillClock()) as met:
        await job(await submit(met, 30.0))
        monkeypatch.setattr(loop, "call_later", noted)
        for _ in range(3):
            await job(await submit(met, 30.0))
        assert len(there.lines) == 1
        assert [(delay, timer.cancelled()) for delay, timer in timers] == [(30.0, True)] * 3


async def test_a_write_that_fails_in_itself_leaves_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            made.append(self)
            self._transport = Wire(self._transport)

    class Wire:
        def __init__(self, transport: asyncio.Transport) -> None:
            self._transport = transport

        def __getattr__(self, name: str) -> object:
            return getattr(self._transport, name)

        def write(self, _data: bytes) -> None:
            raise ValueError

    made: list[Connection] = []
    monkeypatch.setattr("gateway.adapters.upstream.origin.Connection", Broken)
    async with provider(talks) as there, upstream(there.url) as met:
        for number in range(1, 3):
            assert await submit(met) == Unknown("ValueError")
            assert (len(made), made[-1].usable) == (number, False)
        await asyncio.gather(*(line.over.wait() for line in there.lines))
