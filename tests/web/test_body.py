"""Bodies over real sockets: how large, how slow, in what type and coding."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import pytest

from tests.web.wire import LIMIT, NEXT, Server, chunked, post, raw, serving


@pytest.fixture(params=[True, False], ids=["express", "plain"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with serving(express=request.param) as running:
        yield running


@pytest.fixture(params=[True, False], ids=["express", "plain"])
async def hasty(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with serving(body_seconds=0.3, express=request.param) as running:
        yield running


def typed(content_type: str) -> bytes:
    return raw(
        "POST /v1/jobs/submit HTTP/1.1",
        "Host: gateway",
        f"Content-Type: {content_type}",
        "Content-Length: 2",
        body=b"{}",
    )


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


@pytest.mark.parametrize("size", [0, 1, 70_000, LIMIT])
async def test_a_body_up_to_the_limit_is_read_whole(server: Server, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert (await server.ask(post(body=body))).document == {"read": size}
    assert (await server.ask(chunked("Transfer-Encoding: chunked", body=in_chunks(body, 9999)))).status == 200
    assert server.bodies == [body, body]


async def test_one_byte_more_is_refused_before_it_is_sent(server: Server) -> None:
    async with server.wire() as wire:
        answer = await wire.ask(post(f"Content-Length: {LIMIT + 1}").replace(b"Content-Length: 2\r\n", b""))
        assert await wire.rest() == b""
    assert (answer.status, answer.error["code"]) == (413, "BODY_TOO_LARGE")
    assert str(LIMIT) in answer.error["message"]
    assert answer.headers["connection"] == "close"


async def test_one_byte_more_in_chunks_is_refused_before_the_rest_comes(server: Server) -> None:
    endless = in_chunks(b"x" * (LIMIT + 1), 65536).removesuffix(b"0\r\n\r\n")
    async with server.wire() as wire:
        answer = await wire.ask(chunked("Transfer-Encoding: chunked", body=endless))
        await wire.send(b"0\r\n\r\n" + NEXT)
        assert await wire.rest() == b""
    assert (answer.status, answer.error["code"]) == (413, "BODY_TOO_LARGE")
    assert server.bodies == []


async def test_the_sender_of_a_large_body_gets_to_see_why(server: Server) -> None:
    """Closing at once would reset the connection under its hands."""
    answer = await server.ask(post(body=b"x" * (LIMIT * 2)))
    assert answer.status == 413


async def test_a_body_that_stops_halfway_is_given_up(hasty: Server) -> None:
    async with hasty.wire() as wire:
        answer = await wire.ask(post(body=b'{"a":1}')[:-3])
        assert await wire.rest() == b""
    assert (answer.status, answer.error["code"]) == (408, "INVALID_INPUT")
    assert "0.3 seconds" in answer.error["message"]


async def test_a_body_that_drips_is_given_up_all_the_same(hasty: Server) -> None:
    async with hasty.wire() as wire:
        await wire.send(post(body=b" " * 1000)[:-1000])

        async def drip() -> None:
            for _ in range(1000):
                await wire.send(b" ")
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            dripping = group.create_task(drip())
            answer = await wire.answer()
            dripping.cancel()
    assert answer.status == 408


async def test_a_client_that_leaves_halfway_is_not_our_mistake(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.wire() as wire:
        await wire.send(post(body=b'{"a":1}')[:-3])
        assert (await server.ask(NEXT)).status == 200
    assert (await server.ask(NEXT)).status == 200
    assert server.bodies == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "bad", [b"XX\r\n{}\r\n", b"-2\r\n{}\r\n", b"2\r\n{}garbage\r\n", b"0x2\r\n{}\r\n", b" 2\r\n{}\r\n"]
)
async def test_bad_chunks_end_the_connection(server: Server, bad: bytes) -> None:
    async with server.wire() as wire:
        await wire.send(chunked("Transfer-Encoding: chunked", body=b"1\r\n{\r\n"))
        answer = await wire.ask(bad + NEXT)
        assert await wire.rest() == b""
    assert (answer.status, answer.error["code"]) == (400, "INVALID_INPUT")
    assert server.bodies == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
async def test_json_is_json(server: Server, content_type: str) -> None:
    assert (await server.ask(typed(content_type))).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; version=2",
        "application/json, text/plain",
        "application/jsonl",
        "application/vnd.api+json",
    ],
)
async def test_nothing_else_is(server: Server, content_type: str) -> None:
    answer = await server.ask(typed(content_type))
    assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert server.bodies == []


@pytest.mark.parametrize(
    "coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "foo", ""]
)
async def test_no_content_coding(server: Server, coding: str) -> None:
    answer = await server.ask(post(f"Content-Encoding: {coding}", body=gzip.compress(b"{}")))
    assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert server.bodies == []


async def test_identity_is_no_coding(server: Server) -> None:
    assert (await server.ask(post("Content-Encoding: identity"))).status == 200


async def test_a_waiting_client_is_told_to_go_on(server: Server) -> None:
    async with server.wire() as wire:
        request = post("Expect: 100-Continue", body=b'{"a":1}')
        go_on = await wire.ask(request[:-7])
        answer = await wire.ask(request[-7:])
        again = await wire.ask(NEXT)
    assert (go_on.line, go_on.headers) == ("HTTP/1.1 100 Continue", {})
    assert (answer.document, again.status) == ({"read": 7}, 200)


@pytest.mark.parametrize("headers", [["Content-Encoding: gzip"], ["Content-Length: 1048577"]])
async def test_a_waiting_client_is_refused_before_it_sends(server: Server, headers: list[str]) -> None:
    async with server.wire() as wire:
        length = [] if "Content-Length" in headers[0] else ["Content-Length: 7"]
        answer = await wire.ask(chunked("Expect: 100-continue", *headers, *length, body=b""))
        await wire.send(NEXT)
        assert await wire.rest() == b""
    assert answer.status in (413, 415)
