"""Connections on which some requests take the express lane: order, what goes on meanwhile, and how they end."""

import asyncio
import logging

import pytest
from aiohttp import web

from gateway.web.call import Call
from gateway.web.problem import GatewayError
from gateway.web.told import Told
from tests.web.wire import NEXT, PATIENCE_S, chunked, post, serving


class Gate:
    """Answers on the express lane when it is opened, and says when one has come, and when two have."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.come, self.both = asyncio.Event(), asyncio.Event()
        self.ended = 0

    async def __call__(self, call: Call, body: bytes) -> Told:
        (self.both if self.come.is_set() else self.come).set()
        await self.open.wait()
        self.ended += 1
        return Told(200, {"Content-Type": "text/plain"}, body)


async def test_requests_take_the_lane_again_after_one_that_did_not() -> None:
    async with serving() as server, server.wire() as wire:
        for number in range(1, 4):
            assert (await wire.ask(NEXT)).status == 200
            assert (await wire.ask(post("X-Request-Id: mine"))).headers["x-request-id"] == "mine"
            assert (await wire.ask(post())).headers["x-request-id"] == "made"
            assert server.express == 2 * number


async def test_a_body_that_comes_later_is_left_to_the_server_and_the_next_takes_the_lane() -> None:
    async with serving() as server, server.wire() as wire:
        request = post(body=b'{"a":1}')
        for cut in (len(request) - 7, len(request) - 3):
            await wire.send(request[:cut])
            await server.ask(NEXT)
            assert (await wire.ask(request[cut:])).document == {"read": 7}
        assert server.express == 0
        assert (await wire.ask(post())).status == 200
        assert server.express == 1


@pytest.mark.parametrize("lost", [post() + post(), chunked("Transfer-Encoding: chunked"), NEXT[:9]])
async def test_where_nobody_can_know_what_is_left_the_lane_stays_closed(lost: bytes) -> None:
    async with serving() as server, server.wire() as wire:
        await wire.send(lost)
        await server.ask(NEXT)
        await wire.send((NEXT[9:] if lost == NEXT[:9] else b"") + post("X-Request-Id: last"))
        while (answer := await wire.answer()).headers["x-request-id"] != "last":
            assert answer.status == 200
        assert server.express == 0


async def test_what_comes_meanwhile_waits_its_turn() -> None:
    gate = Gate()
    async with serving(express=gate) as server, server.wire() as wire:
        await wire.send(post(body=b"1"))
        await gate.come.wait()
        await wire.send(NEXT)
        await wire.send(post("X-Request-Id: last", body=b"22"))
        await server.ask(NEXT)
        gate.open.set()
        answers = [await wire.answer() for _ in range(3)]
    assert [answer.headers["x-request-id"] for answer in answers] == ["made", "next", "last"]
    assert answers[0].body == b"1"


async def test_one_after_the_other_both_take_the_lane() -> None:
    gate = Gate()
    async with serving(express=gate) as server, server.wire() as wire:
        await wire.send(post(body=b"1"))
        await gate.come.wait()
        await wire.send(post(body=b"22"))
        await server.ask(NEXT)
        gate.open.set()
        assert [(await wire.answer()).body for _ in range(2)] == [b"1", b"22"]
        assert server.express == 2


async def test_more_than_can_wait_is_not_read_and_comes_all_the_same() -> None:
    gate = Gate()
    flood = NEXT * 20_000
    async with serving(express=gate) as server, server.wire() as wire:
        await wire.send(post(body=b"1"))
        await gate.come.wait()
        sending = asyncio.ensure_future(wire.send(flood))
        await server.ask(NEXT)
        gate.open.set()
        assert (await wire.answer()).body == b"1"
        ids = {(await wire.answer()).headers["x-request-id"] for _ in range(20_000)}
        await sending
    assert ids == {"next"}


async def test_who_does_not_read_is_not_served_further() -> None:
    served = asyncio.Event()

    async def large(_call: Call, _body: bytes) -> Told:
        served.set()
        return Told(200, {}, b"x" * 32_000_000)

    async with serving(express=large) as server, server.wire() as wire:
        await wire.send(post())
        await served.wait()
        await wire.send(post())
        await server.ask(NEXT)
        assert server.express == 1
        assert [len((await wire.answer()).body) for _ in range(2)] == [32_000_000] * 2
        assert server.express == 2


async def test_our_own_mistake_is_told_without_internals_and_the_connection_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = "toll_live_" + "secret"

    async def mistaken(_call: Call, body: bytes) -> Told:
        if body == b"header":
            return Told(200, {"X-A": "a\r\nX-B: b"}, b"")
        raise ConnectionResetError(secret) if body == b"reset" else RuntimeError(secret)

    async with serving(express=mistaken) as server, server.wire() as wire:
        # Trouble on somebody else's connection leaves no client of ours without an answer.
        for body in (b"header", b"raise", b"reset"):
            answer = await wire.ask(post("X-Request-Id: mine", body=body))
            assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")
            assert answer.headers["x-request-id"] == answer.document["requestId"] == "mine"
            assert "x-b" not in answer.headers
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["ValueError" in lines[0], "RuntimeError" in lines[1], "in mistaken" in lines[1]] == [True] * 3
    assert secret not in caplog.text


async def test_an_answer_looks_the_same_from_both_lanes() -> None:
    async def both(call: Call) -> Told:
        return call.refused(GatewayError(429, "QUOTA_EXCEEDED", "No more.", retry_after=7))

    async def express(call: Call, _body: bytes) -> Told:
        return await both(call)

    async def other(request: web.Request) -> web.StreamResponse:
        return (await both(Call(request.headers, request.remote, "made"))).response()

    async with serving(web.post("/other", other), express=express) as server:
        accept = "Accept: application/problem+json"
        taken = await server.ask(post(accept))
        left = await server.ask(post(accept, line="POST /other HTTP/1.1"))
        assert server.express == 1
    for answer in (taken, left):
        answer.headers.pop("date")
    assert taken == left


async def test_a_stop_waits_for_those_on_the_lane_even_if_they_hung_up() -> None:
    gate = Gate()
    async with asyncio.timeout(PATIENCE_S):
        async with serving(express=gate, shutdown_timeout=PATIENCE_S) as server:
            async with server.wire() as wire:
                await wire.send(post())
                await gate.come.wait()
            stays = asyncio.ensure_future(server.ask(post(body=b"stays")))
            await gate.both.wait()
            asyncio.get_running_loop().call_later(0.05, gate.open.set)
        assert gate.ended == 2
        assert (await stays).body == b"stays"


async def test_a_stop_that_has_waited_long_enough_ends_them() -> None:
    gate = Gate()
    async with asyncio.timeout(PATIENCE_S):
        async with serving(express=gate, shutdown_timeout=0.05) as server, server.wire() as wire:
            await wire.send(post())
            await gate.come.wait()
        assert await wire.rest() == b""
        await asyncio.sleep(0)
        assert gate.ended == 0


@pytest.mark.parametrize("express", [True, False])
async def test_who_is_sent_off_is_answered_and_told_to_open_another_connection(express: bool) -> None:
    async with serving(express=express) as server, server.wire() as before, server.wire() as idle:
        assert "connection" not in (await before.ask(post())).headers
        server.sends_off()
        last = await before.ask(post())
        assert (last.status, last.headers["connection"].lower()) == (200, "close")
        assert await before.rest() == b""
        # Nobody who has not asked is cut off, and who opens one all the same is answered.
        assert (await idle.ask(post())).status == (await server.ask(post())).status == 200
        assert server.express == (4 if express else 0)


async def test_a_request_under_way_when_all_are_sent_off_is_the_last_of_its_connection() -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(call: Call, body: bytes) -> Told:
        began.set()
        await go_on.wait()
        return Told(200, {}, b"late")

    async with serving(express=slow) as server, server.wire() as wire:
        await wire.send(post())
        await began.wait()
        server.sends_off()
        go_on.set()
        last = await wire.answer()
        assert (last.body, last.headers["connection"]) == (b"late", "close")
        assert await wire.rest() == b""


async def test_an_idle_connection_is_closed_and_one_on_the_lane_is_not() -> None:
    gate = Gate()
    async with serving(express=gate, keepalive_timeout=0.2) as server, server.wire() as wire:
        await wire.send(post(body=b"1"))
        await gate.come.wait()
        async with server.wire() as idle:
            assert await idle.rest() == b""
        gate.open.set()
        assert (await wire.answer()).body == b"1"
        assert (await wire.ask(NEXT)).status == 200
        assert await wire.rest() == b""
