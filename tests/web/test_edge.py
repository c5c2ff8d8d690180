"""The edge over real sockets: what it refuses, and that everything else gets one complete answer of ours."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from tests.web.wire import NEXT, Server, chunked, post, raw, serving


@pytest.fixture(params=[True, False], ids=["express", "plain"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with serving(express=request.param) as running:
        yield running


def get(target: str, *headers: str) -> bytes:
    return raw(f"GET {target} HTTP/1.1", "Host: gateway", *headers)


def test_the_parser_under_test_is_the_one_in_c() -> None:
    """aiohttp falls back to another, with holes of its own, where its extensions are missing."""
    assert HttpRequestParser is not HttpRequestParserPy


async def test_an_ordinary_request_passes_and_the_connection_stays(server: Server) -> None:
    async with server.wire() as wire:
        first = await wire.ask(post("X-Request-Id: mine"))
        second = await wire.ask(NEXT)
    assert (first.status, first.document, first.headers["x-request-id"]) == (200, {"read": 2}, "mine")
    assert (second.status, second.headers["x-request-id"]) == (200, "next")


async def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    async with server.wire() as wire:
        await wire.send(post("X-Request-Id: first") + post("X-Request-Id: second", body=b'{"a":1}') + NEXT)
        ids = [(await wire.answer()).headers["x-request-id"] for _ in range(3)]
    assert ids == ["first", "second", "next"]
    assert server.bodies == [b"{}", b'{"a":1}']


async def test_the_connection_closes_when_the_client_says_so(server: Server) -> None:
    async with server.wire() as wire:
        assert (await wire.ask(post("Connection: close"))).status == 200
        assert await wire.rest() == b""


REFUSED = {
    "TE on 1.0": chunked("Transfer-Encoding: chunked", line="POST /v1/jobs/submit HTTP/1.0"),
    "gzip, chunked": chunked("Transfer-Encoding: gzip, chunked"),
    "identity": chunked("Transfer-Encoding: identity"),
    "empty TE": chunked("Transfer-Encoding:"),
    "xchunked": chunked("Transfer-Encoding: xchunked"),
    "chunked, chunked": chunked("Transfer-Encoding: chunked, chunked"),
    "TE twice": chunked("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "TE and length": post("Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "length twice": post("Content-Length: 2"),
    "length as list": chunked("Content-Length: 2, 2", body=b"{}"),
    "signed length": chunked("Content-Length: +2", body=b"{}"),
    "hex length": chunked("Content-Length: 0x2", body=b"{}"),
    "HTTP/0.9": post(line="POST /v1/jobs/submit HTTP/0.9"),
    "no version": b"GET /healthz\r\n\r\n",
    "HTTP/2.0": post(line="POST /v1/jobs/submit HTTP/2.0"),
    "HTTP/1.2": post(line="POST /v1/jobs/submit HTTP/1.2"),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": raw("GET /healthz HTTP/1.1"),
    "no host on 1.0": raw("GET /healthz HTTP/1.0"),
    "two hosts": post("Host: gateway"),
    "empty host": post(host=""),
    "user in host": post(host="user@gateway"),
    "path in host": post(host="gateway/x"),
    "host list": post(host="a, b"),
    "bad port": post(host="gateway:x"),
    "absolute target": post(line="POST http://evil.example/v1/jobs/submit HTTP/1.1"),
    "absolute target of ours": post(line="POST http://gateway/v1/jobs/submit HTTP/1.1"),
    "asterisk": raw("OPTIONS * HTTP/1.1", "Host: gateway"),
    "connect": raw("CONNECT gateway:443 HTTP/1.1", "Host: gateway"),
    "encoded slash": post(line="POST /v1%2Fjobs/submit HTTP/1.1"),
    "encoded letter": post(line="POST /v1/%6aobs/submit HTTP/1.1"),
    "encoded NUL": post(line="POST /v1/jobs/submit%00 HTTP/1.1"),
    "double slash": post(line="POST //v1/jobs/submit HTTP/1.1"),
    "inner double slash": post(line="POST /v1//jobs/submit HTTP/1.1"),
    "backslash": post(line="POST /v1\\jobs/submit HTTP/1.1"),
    "parameter": post(line="POST /v1/jobs/submit;x=1 HTTP/1.1"),
    "dot dot": post(line="POST /x/../v1/jobs/submit HTTP/1.1"),
    "dot": post(line="POST /v1/./jobs/submit HTTP/1.1"),
    "final dot": post(line="POST /v1/jobs/submit/. HTTP/1.1"),
    "fragment": post(line="POST /v1/jobs/submit#x HTTP/1.1"),
    "not ASCII": post(line="POST /v1/jobs/submít HTTP/1.1"),
    "query not ASCII": get("/healthz?a=ü"),
    "two keys": post("Authorization: Bearer a", "Authorization: Bearer b"),
    "the same key twice": post("x-api-key: a", "X-API-Key: a"),
    "two kinds of key": post("Authorization: Bearer a", "x-api-key: a"),
    "two idempotency keys": post("Idempotency-Key: a", "Idempotency-Key: a"),
    "two content types": post("Content-Type: application/json"),
    "key not ASCII": post("Authorization: Bearer ü"),
    "h2c": post("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"),
    "websocket": get("/healthz", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"),
    "upgrade unannounced": get("/healthz", "Upgrade: h2c"),
    "upgrade unnamed": get("/healthz", "Connection: keep-alive, Upgrade"),
    "space before colon": get("/healthz", "Authorization : Bearer a"),
    "folded header": get("/healthz", "X-A: a\r\n b"),
    "bare LF": b"GET /healthz HTTP/1.1\nHost: gateway\n\n",
    "NUL in header": get("/healthz", "X-A: \x00"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "long line": get("/" + "a" * 9000),
    "long header": get("/healthz", "X-A: " + "a" * 9000),
    "many headers": get("/healthz", *(f"X-{number}: a" for number in range(200))),
}


@pytest.mark.parametrize("behind", [b"", NEXT], ids=["alone", "pipelined"])
@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED.keys())
async def test_refused_in_the_envelope_and_closed(server: Server, request_bytes: bytes, behind: bytes) -> None:
    """A request behind it, which is what smuggling needs, is never answered."""
    async with server.wire() as wire:
        answer = await wire.ask(request_bytes + behind)
        assert await wire.rest() == b""
    assert answer.status == 400
    assert answer.error["code"] == "INVALID_INPUT"
    assert answer.error["details"]["source"] == "gateway"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["tollhouse-error-source"] == "gateway"
    assert answer.headers["x-request-id"] == answer.document["requestId"] == "made"
    assert server.bodies == []


async def test_what_the_parser_refuses_is_neither_quoted_nor_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await server.ask(get("/healthz", "Authorization : Bearer toll_live_secret"))
    assert answer.status == 400
    assert b"toll_live_secret" not in answer.body
    assert "toll_live_secret" not in caplog.text


@pytest.mark.parametrize("target", ["/v1/jobs/submit?", "/v1/jobs/submit?x=1", "/v1/jobs/submit?api_key=toll_live_x"])
async def test_no_query_on_submit(server: Server, target: str) -> None:
    answer = await server.ask(post(line=f"POST {target} HTTP/1.1"))
    assert (answer.status, answer.error["code"]) == (400, "INVALID_INPUT")
    assert b"toll_live_x" not in answer.body
    assert server.bodies == []


@pytest.mark.parametrize("host", ["gateway", "gateway:8080", "127.0.0.1:8080", "[::1]:8080", "a-b_c.example."])
async def test_any_plain_host_will_do(server: Server, host: str) -> None:
    assert (await server.ask(post(host=host))).status == 200


@pytest.mark.parametrize(
    "target", ["/", "/v1/jobs", "/V1/jobs/submit", "/v1/jobs/submit/", "/v1/jobs/submit.json", "/a/b-c_d~e.f:g@h"]
)
async def test_no_such_address(server: Server, target: str) -> None:
    answer = await server.ask(post(line=f"POST {target} HTTP/1.1"))
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert answer.document["requestId"] == "made"
    assert server.bodies == []


async def test_no_such_method(server: Server) -> None:
    answer = await server.ask(get("/v1/jobs/submit", "X-HTTP-Method-Override: POST"))
    assert (answer.status, answer.error["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"
    assert server.bodies == []


async def test_problem_details_for_who_prefers_them(server: Server) -> None:
    answer = await server.ask(get("/nowhere", "Accept: application/json;q=0.1", "Accept: application/problem+json"))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.document["status"], answer.document["code"]) == (404, "NOT_FOUND")


async def test_an_insane_request_id_is_replaced_everywhere(server: Server) -> None:
    answer = await server.ask(get("/nowhere", "X-Request-Id: two words"))
    assert answer.headers["x-request-id"] == answer.document["requestId"] == "made"


async def test_an_unmeetable_expectation(server: Server) -> None:
    for request in (post("Expect: 200-ok"), get("/nowhere", "Expect: 200-ok")):
        answer = await server.ask(request)
        assert (answer.status, answer.error["code"]) == (417, "INVALID_INPUT")


async def test_a_body_nobody_reads_is_no_next_request(server: Server) -> None:
    """404 while most of the body is still on its way: the connection must go with it."""
    async with server.wire() as wire:
        head = raw("POST /nowhere HTTP/1.1", "Host: gateway", f"Content-Length: {100_000 + len(NEXT)}")
        assert (await wire.ask(head + b"x")).status == 404
        await wire.send(b"x" * 99_999 + NEXT)
        assert await wire.rest() == b""


async def test_head_has_a_request_id_too(server: Server) -> None:
    async with server.wire() as wire:
        await wire.send(raw("HEAD /healthz HTTP/1.1", "Host: gateway", "Connection: close"))
        head = await wire.rest()
    assert head.startswith(b"HTTP/1.1 200")
    assert b"X-Request-Id: made" in head


async def test_our_own_mistake_is_told_without_internals_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    secret = "toll_live_" + "secret"

    async def mistaken(_request: web.Request) -> web.StreamResponse:
        raise RuntimeError(secret)

    async with serving(web.get("/mistaken", mistaken)) as server, server.wire() as wire:
        answer = await wire.ask(get("/mistaken", "X-Request-Id: mine"))
        assert (await wire.ask(NEXT)).status == 200
    assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")
    assert answer.headers["x-request-id"] == "mine"
    assert "RuntimeError" not in answer.body.decode()
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "mine" in line
    assert "RuntimeError" in line
    assert "in mistaken" in line
    assert secret not in caplog.text


async def test_a_timeout_inside_is_our_mistake_too() -> None:
    async def late(_request: web.Request) -> web.StreamResponse:
        raise TimeoutError

    async with serving(web.get("/late", late)) as server:
        assert (await server.ask(get("/late"))).error["code"] == "INTERNAL_ERROR"


async def test_a_redirect_is_not_an_error() -> None:
    async def moved(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/healthz")

    async with serving(web.get("/moved", moved)) as server:
        answer = await server.ask(get("/moved"))
    assert (answer.status, answer.headers["location"], answer.headers["x-request-id"]) == (302, "/healthz", "made")


async def test_an_answer_that_fails_halfway_is_cut_off_and_not_followed_by_another() -> None:
    async def halfway(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"some")
        raise RuntimeError

    async with serving(web.get("/halfway", halfway)) as server, server.wire() as wire:
        await wire.send(get("/halfway") + NEXT)
        told = await wire.rest()
    assert told.count(b"HTTP/1.1") == 1
    assert not told.endswith(b"0\r\n\r\n")


async def test_a_client_that_hangs_up_stops_nothing() -> None:
    begun, hung_up, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def patient(_request: web.Request) -> web.StreamResponse:
        begun.set()
        await hung_up.wait()
        await asyncio.sleep(0)
        done.set()
        return web.Response()

    async with asyncio.timeout(5), serving(web.get("/patient", patient)) as server:
        async with server.wire() as wire:
            await wire.send(get("/patient"))
            await begun.wait()
        await server.ask(get("/healthz"))
        hung_up.set()
        await done.wait()
