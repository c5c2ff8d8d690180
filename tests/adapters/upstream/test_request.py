"""Requests in bytes: exactly what was meant, or nothing."""

import pytest

from gateway.adapters.upstream.request import UnfitHeader, opening, written

BEGIN = opening("POST", "/v1/jobs/submit", "api.example.com")


def test_a_request_in_full() -> None:
    assert written(BEGIN, {"X-A": "1", "X-B": ""}, b'{"a": "\xc3\xa4"}') == (
        b"POST /v1/jobs/submit HTTP/1.1\r\n"
        b"Host: api.example.com\r\n"
        b"X-A: 1\r\n"
        b"X-B: \r\n"
        b"Content-Length: 11\r\n"
        b"\r\n"
        b'{"a": "\xc3\xa4"}'
    )
    assert written(BEGIN, {}, b"").endswith(b"Host: api.example.com\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("bad", ["\r", "\n", "\r\n", "\n\r", "\0", "\r\nX-B: 2", "\r\n\r\nGET / HTTP/1.1\r\n"])
@pytest.mark.parametrize("place", ["{}1", "1{}", "1{}2"])
def test_a_header_is_one_line(bad: str, place: str) -> None:
    for name, value in ((place.format(bad), "1"), ("X-A", place.format(bad))):
        with pytest.raises(UnfitHeader):
            written(BEGIN, {"X-0": "1", name: value}, b"")


@pytest.mark.parametrize("bad", ["ä", "\u2028", "\ud800", "\x85"])
def test_a_header_is_ascii(bad: str) -> None:
    with pytest.raises(UnicodeEncodeError):
        written(BEGIN, {"X-A": bad}, b"")
    with pytest.raises(UnicodeEncodeError):
        written(BEGIN, {bad: "1"}, b"")


@pytest.mark.parametrize("bad", ["\r", "\n", "\0"])
def test_a_request_begins_in_two_lines(bad: str) -> None:
    for target, host in ((f"/v1{bad}", "api.example.com"), ("/v1", f"api.example.com{bad}")):
        with pytest.raises(UnfitHeader):
            opening("POST", target, host)
