"""Which headers cross the gateway, and whose request id counts."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway import __version__
from gateway.web.headers import client_headers, request_id, upstream_headers


def sent(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize("given", ["a", "req_01HX", "!" * 128, "~/x?y=z"])
def test_a_sane_request_id_is_kept(given: str) -> None:
    assert request_id(sent(("x-request-id", given)), lambda: "made") == given


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", "a\tb", "ünïcode", "a\x7f", "a\udcff", "a\x00"])
def test_any_other_is_replaced(given: str) -> None:
    assert request_id(sent(("X-Request-Id", given)), lambda: "made") == "made"


def test_without_one_or_with_two_it_is_made() -> None:
    assert request_id(sent(), lambda: "made") == "made"
    assert request_id(sent(("X-Request-Id", "a"), ("x-request-id", "b")), lambda: "made") == "made"


def test_only_listed_headers_go_upstream() -> None:
    client = sent(
        ("Host", "gateway"),
        ("Authorization", "Bearer toll_live_x"),
        ("x-api-key", "toll_live_x"),
        ("Cookie", "a=b"),
        ("Accept", "application/problem+json"),
        ("Accept-Encoding", "gzip"),
        ("Content-Type", "application/json"),
        ("Connection", "keep-alive, X-Named"),
        ("X-Named", "hop"),
        ("TE", "trailers"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/v1/other"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Idempotency-Key", "k"),
        ("baggage", "user=alice"),
        ("User-Agent", "films/1.0"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "vendor=1"),
        ("X-Request-Id", "theirs, insane"),
    )
    assert upstream_headers(client, "ours") == {
        "Accept": "application/json",
        "User-Agent": "films/1.0",
        "X-Request-Id": "ours",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "vendor=1",
    }


def test_a_client_without_headers_still_has_a_user_agent() -> None:
    assert upstream_headers(sent(), "ours")["User-Agent"] == f"tollhouse/{__version__}"


@pytest.mark.parametrize(
    "client",
    [
        sent(("traceparent", "a"), ("traceparent", "b")),
        sent(("traceparent", "a\udcff")),
        sent(("traceparent", "")),
        sent(("traceparent", "x" * 1025)),
    ],
)
def test_a_listed_header_that_is_odd_is_left_behind(client: CIMultiDictProxy[str]) -> None:
    assert "traceparent" not in upstream_headers(client, "ours")


def test_only_listed_headers_come_back() -> None:
    upstream = {
        "content-type": "application/json; charset=utf-8",
        "Retry-After": "30",
        "Set-Cookie": "session=x",
        "Location": "https://elsewhere.example",
        "Content-Encoding": "gzip",
        "Content-Length": "12",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "Server": "nginx",
        "X-Request-Id": "theirs",
        "X-RateLimit-Remaining": "3",
        "Authorization": "Bearer pb_x",
    }
    assert dict(client_headers(upstream)) == {"Content-Type": "application/json; charset=utf-8", "Retry-After": "30"}
