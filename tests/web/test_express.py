"""Which requests are plain enough for the express lane, and that nothing there is read otherwise than by the server."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import HttpVersion11
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.call import Call
from gateway.web.express import length_of, read_whole
from gateway.web.framing import refusal
from gateway.web.told import Told
from tests.web.test_edge import REFUSED
from tests.web.wire import NEXT, chunked, post, raw

LINE = "POST /v1/jobs/submit HTTP/1.1"


async def submit(_call: Call, _body: bytes) -> Told:
    return Told(200, {}, b"")


LINES = {LINE: submit}


def bare(*fields: str, body: bytes = b"{}") -> bytes:
    return raw(LINE, *fields, body=body)


def test_a_plain_request_is_read() -> None:
    whole = read_whole(post("Authorization: Bearer  x ", "X-Request-Id:mine", "Empty:", body=b'{"a":1}'), LINES)
    assert whole is not None
    assert (whole.answer, whole.body) == (submit, b'{"a":1}')
    assert list(whole.headers.items()) == [
        ("Host", "gateway"),
        ("Content-Type", "application/json"),
        ("Content-Length", "7"),
        ("Authorization", "Bearer  x"),
        ("X-Request-Id", "mine"),
        ("Empty", ""),
    ]
    assert whole.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    "plain",
    [
        post("Connection: keep-alive"),
        post("connection: Keep-Alive"),
        post("Accept: */*", "User-Agent: a/1 (b; c)"),
        post(body=b""),
        post(host="[::1]:8080"),
        post(*(f"X-{number}: a" for number in range(61))),
    ],
)
def test_these_are_plain(plain: bytes) -> None:
    assert read_whole(plain, LINES) is not None


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED.keys())
def test_nothing_that_is_refused_is_plain(request_bytes: bytes) -> None:
    assert read_whole(request_bytes, LINES) is None


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        NEXT,
        b"\r\n" + post(),
        post()[:-1],
        post() + b"\r\n",
        post() + post(),
        post(line="POST /v1/jobs/submit?x HTTP/1.1"),
        post(line="POST /v1/jobs/submit HTTP/1.0"),
        post(line="post /v1/jobs/submit HTTP/1.1"),
        post(line="POST  /v1/jobs/submit HTTP/1.1"),
        chunked("Transfer-Encoding: chunked"),
        post("Expect: 100-continue"),
        post("Connection: close"),
        post("Connection: keep-alive, x"),
        post("Content-Encoding: identity"),
        post("TE: trailers"),
        post("Trailer: x"),
        post("X-Request-Id: a", "x-request-id: b"),
        post("X-Tab: a\tb"),
        post("X-Del: a\x7fb"),
        post("X-Byte: ü"),
        post("X-A: a\rb"),
        post("X-A: a\nb"),
        post("X A: a"),
        post(": a"),
        post("a"),
        post("X-Long: " + "a" * 8000),
        post(*(f"X-{number}: a" for number in range(62))),
        bare("Host: gateway"),
        bare("Host: gateway", "Content-Length: 02"),
        bare("Host: gateway", "Content-Length: 2 2"),
        bare("Host: gateway", "Content-Length: 2.0"),
        bare("Host: gateway", "Content-Length: 000000002"),
        bare("Host: gateway", "Content-Length:"),
    ],
)
def test_whatever_is_odd_is_left_to_the_server(odd: bytes) -> None:
    assert read_whole(odd, LINES) is None


FIELDS = st.sampled_from([
    *("Host: gateway", "Content-Length: 2", "Content-Length: 0", "Content-Length:2", "Content-Length: 12"),
    *("Authorization: Bearer x", "x-api-key: x", "Idempotency-Key: y", "Connection: keep-alive", "Connection: Upgrade"),
    *("Transfer-Encoding: chunked", "Content-Type: application/json", "X-A:  a  ", "X-a: b", "X-B:", "Expect: x"),
])  # fmt: skip
SCRAPS = st.text("aZ0 \t:;,\"'-_\x00\r\n\x7fé/", max_size=6).map(lambda text: f"X-{text}: {text}")
REQUESTS = st.builds(
    lambda line, fields, body: raw(line, *fields, body=body),
    st.sampled_from([LINE, LINE, LINE, "POST /v1/jobs/submit HTTP/1.0", "POST /v1/jobs/submit\tHTTP/1.1"]),
    st.lists(FIELDS | SCRAPS, max_size=8),
    st.sampled_from([b"{}", b"", b"{} " + NEXT]),
)


def read_by_the_server(data: bytes) -> Any:
    """The messages that aiohttp's parser finds, with their bodies."""
    loop = asyncio.new_event_loop()
    try:
        protocol = SimpleNamespace(_reading_paused=False, pause_reading=lambda: None, resume_reading=lambda: None)
        messages, _, _ = HttpRequestParser(protocol, loop, 65536).feed_data(data)
        return [(message, payload, b"".join(payload._buffer)) for message, payload in messages]
    finally:
        loop.close()


@given(REQUESTS)
def test_what_is_plain_is_read_alike_by_the_server_and_refused_by_nobody(data: bytes) -> None:
    whole = read_whole(data, LINES)
    if whole is None:
        return
    [(message, payload, body)] = read_by_the_server(data)
    assert (message.method, message.path, message.version) == ("POST", "/v1/jobs/submit", HttpVersion11)
    assert (list(message.headers.items()), body) == (list(whole.headers.items()), whole.body)
    assert payload.is_eof()
    assert not message.should_close
    head: Any = SimpleNamespace(headers=message.headers, version=message.version, raw_path=message.path)
    assert refusal(head) is None
    assert length_of(data) == len(data)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (NEXT, len(NEXT)),
        (NEXT + b"more", len(NEXT)),
        (post(body=b"123"), len(post(body=b"123"))),
        (post(body=b"123")[:-3], len(post(body=b"123"))),
        (post(body=b"123")[:-4], None),
        (b"", None),
        (chunked("Transfer-Encoding: chunked"), None),
        (chunked("TRANSFER-ENCODING: chunked"), None),
        (post("content-length: 3", body=b"123"), None),
    ],
)
def test_how_long_a_request_is_shows_in_its_head(data: bytes, length: int | None) -> None:
    assert length_of(data) == length
