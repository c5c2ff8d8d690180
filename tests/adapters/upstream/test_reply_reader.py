"""Replies in bytes: what is whole in one piece is whole in any, and what is not plainly a reply is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.upstream.reply_reader import MAX_HEAD, MAX_REPLY, ReplyReader
from gateway.adapters.upstream.request import Trouble
from gateway.core.reply import Reply
from gateway.web.headers import client_headers

BODY: Final = b'{"jobId": "job_1"}'
LENGTH: Final = f"Content-Length: {len(BODY)}"
CHUNKED: Final = "Transfer-Encoding: chunked"


def read(*pieces: bytes, ends: bool = False) -> tuple[Reply, bool]:
    """The reply in these pieces, and whether its connection lives on. Raises Trouble, for half a reply too."""
    reader = ReplyReader()
    for piece in pieces:
        if (found := reader.feed(piece)) is not None:
            return found
    if not ends:
        raise Trouble("waiting for more")
    return reader.finish(), False


def reply(*lines: str, body: bytes = BODY, first: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1") + body


def chunked(*chunks: bytes, trailers: str = "") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + f"0\r\n{trailers}\r\n".encode()


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@dataclass(frozen=True, slots=True)
class Sent:
    """A valid reply as bytes, and what it says."""

    data: bytes
    reply: Reply
    reusable: bool
    to_the_end: bool


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~", min_size=1, max_size=8)
VALUE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12).map(str.strip)
EXTRA = st.lists(st.tuples(TOKEN.map("X-".__add__), VALUE), max_size=4)


@st.composite
def replies(draw: st.DrawFn) -> Sent:
    status, body, extra = draw(st.integers(200, 599)), draw(st.binary(max_size=200)), draw(EXTRA)
    framing = draw(st.sampled_from(["length", "chunks", "end"]))
    version = "1.1" if framing == "chunks" else draw(st.sampled_from(["1.1", "1.0"]))
    closes, bodiless = draw(st.booleans()), status in (204, 304)
    headers = [*extra, *([("Connection", "close")] if closes else [])]
    sent = body
    if framing == "length":
        headers.append(("Content-Length", str(len(body))))
    elif framing == "chunks":
        headers.append(("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked", "chunked "]))))
        cuts = sorted(draw(st.sets(st.integers(1, len(body) - 1), max_size=5))) if len(body) > 1 else []
        pieces = [body[a:b] for a, b in pairwise([0, *cuts, len(body)]) if a < b]
        sent = chunked(*pieces, trailers=draw(st.sampled_from(["", "X-Sum: 1\r\n", "X-Sum:\r\nX-More: 2\r\n"])))
    headers = draw(st.permutations(headers))
    interim = b"".join(
        reply("X-Interim: 1", first=f"HTTP/1.1 {code} Wait", body=b"")
        for code in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2))
    )
    head = "".join(f"{name}:{draw(st.sampled_from(['', ' ', '  ']))}{value}\r\n" for name, value in headers)
    said = f"HTTP/{version} {status} {draw(st.sampled_from(['', 'OK', 'Not at all']))}\r\n{head}\r\n".encode()
    ended = framing == "end" and not bodiless
    return Sent(
        interim + said + (b"" if bodiless else sent),
        Reply(status, {name: value.rstrip(" ") for name, value in headers}, b"" if bodiless else body),
        version == "1.1" and not closes and not ended,
        ended,
    )


@given(replies(), st.lists(st.integers(0, 2000), max_size=12))
def test_a_reply_is_the_same_in_whatever_pieces_it_comes(sent: Sent, cuts: Sequence[int]) -> None:
    at = sorted({0, len(sent.data), *(cut % (len(sent.data) + 1) for cut in cuts)})
    for pieces in ([sent.data], single_bytes(sent.data), [sent.data[a:b] for a, b in pairwise(at)]):
        assert read(*pieces, ends=sent.to_the_end) == (sent.reply, sent.reusable)
        # And with one byte less it is none, unless its end is told by nothing else.
        if not sent.to_the_end:
            with pytest.raises(Trouble):
                read(*pieces[:-1], pieces[-1][:-1], ends=True)


@given(replies(), st.binary(min_size=1, max_size=40))
def test_what_follows_a_reply_does_not_touch_it(sent: Sent, junk: bytes) -> None:
    if not sent.to_the_end:
        found, reusable = read(sent.data + junk)
        assert found == sent.reply
        # Empty lines mean nothing; anything else means that the connection is out of step.
        assert not reusable or not junk.strip(b"\r\n")


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_garbage_is_trouble_and_nothing_else(pieces: list[bytes]) -> None:
    with pytest.raises(Trouble):
        read(*pieces, ends=True)


@given(replies(), st.data())
def test_a_damaged_reply_is_a_reply_or_trouble(sent: Sent, data: st.DataObject) -> None:
    damaged = bytearray(sent.data)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found, _ = read(bytes(damaged), ends=True)
    except Trouble:
        return
    assert isinstance(found, Reply)


UNCLEAR = {
    "two lengths": reply(LENGTH, LENGTH),
    "lengths at odds": reply(LENGTH, "Content-Length: 1"),
    "a list of lengths": reply(f"{LENGTH}, {len(BODY)}"),
    "a length with a sign": reply(f"Content-Length: +{len(BODY)}"),
    "a negative length": reply("Content-Length: -1"),
    "a length that is no number": reply("Content-Length: 0x12"),
    "a length without digits": reply("Content-Length:"),
    "a length beyond all bounds": reply("Content-Length: 99999999999999999999999"),
    "a length and chunks": reply(LENGTH, CHUNKED, body=chunked(BODY)),
    "chunks and a length": reply(CHUNKED, LENGTH, body=chunked(BODY)),
    "chunks twice": reply(CHUNKED, CHUNKED, body=chunked(BODY)),
    "compressed chunks": reply("Transfer-Encoding: gzip, chunked", body=chunked(BODY)),
    "chunks that are not last": reply("Transfer-Encoding: chunked, gzip", body=chunked(BODY)),
    "a coding that is none": reply("Transfer-Encoding: identity"),
    "a coding that looks like chunks": reply("Transfer-Encoding: xchunked", body=chunked(BODY)),
    "a coding without a name": reply("Transfer-Encoding:", LENGTH),
    "chunks in old HTTP": reply(CHUNKED, first="HTTP/1.0 200 OK", body=chunked(BODY)),
    "a chunk without its size": reply(CHUNKED, body=b"zz\r\n"),
    "a chunk longer than it says": reply(CHUNKED, body=b"2\r\n{}}\r\n0\r\n\r\n"),
    "a chunk size beyond all bounds": reply(CHUNKED, body=b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "a length among the trailers": reply(CHUNKED, body=chunked(BODY, trailers="Content-Length: 5\r\n")),
    "HTTP 0.9": reply(LENGTH, first="HTTP/0.9 200 OK"),
    "HTTP 1.2": reply(LENGTH, first="HTTP/1.2 200 OK"),
    "HTTP 2": reply(LENGTH, first="HTTP/2.0 200 OK"),
    "status zero": reply(LENGTH, first="HTTP/1.1 000 OK"),
    "status 99": reply(LENGTH, first="HTTP/1.1 099 OK"),
    "a status of two digits": reply(LENGTH, first="HTTP/1.1 20 OK"),
    "a status of four digits": reply(LENGTH, first="HTTP/1.1 2000 OK"),
    "a status that is no number": reply(LENGTH, first="HTTP/1.1 2xx OK"),
    "no version": reply(LENGTH, first="HTTP 200 OK"),
    "lower case": reply(LENGTH, first="http/1.1 200 OK"),
    "a request": reply(LENGTH, first="GET / HTTP/1.1"),
    "another protocol": b"\x15\x03\x01\x00\x02\x02\x28",
    "bare line feeds": reply(LENGTH).replace(b"\r\n", b"\n"),
    "bare carriage returns": reply(LENGTH).replace(b"\r\n", b"\r"),
    "a folded header": reply("X-A: 1\r\n 2", LENGTH),
    "a space before the colon": reply("X-A : 1", LENGTH),
    "a header without a name": reply(": 1", LENGTH),
    "a header without a colon": reply("X-A", LENGTH),
    "a null in a header": reply("X-A: a\0b", LENGTH),
    "a control character in a header": reply("X-A: a\x01b", LENGTH),
}


@pytest.mark.parametrize("ends", [False, True], ids=["waits", "ends"])
@pytest.mark.parametrize("data", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_what_is_not_plainly_a_reply_is_trouble(data: bytes, ends: bool) -> None:
    for pieces in ([data], single_bytes(data)):
        with pytest.raises(Trouble) as told:
            read(*pieces, ends=ends)
        assert str(told.value) not in ("waiting for more", "reply cut short")


def test_the_end_before_the_first_byte_is_told_apart() -> None:
    with pytest.raises(Trouble, match="closed without a reply"):
        read(ends=True)
    with pytest.raises(Trouble, match="reply cut short"):
        read(b"H", ends=True)
    with pytest.raises(Trouble, match="reply cut short"):
        read(reply(first="HTTP/1.1 100 Continue", body=b""), ends=True)


@pytest.mark.parametrize("status", [204, 304])
def test_replies_that_have_no_body(status: int) -> None:
    first = f"HTTP/1.1 {status} Nothing"
    assert read(reply(first=first, body=b"")) == (Reply(status, {}, b""), True)
    assert read(reply(LENGTH, first=first)) == (Reply(status, {"Content-Length": str(len(BODY))}, b""), False)


def test_interim_replies_leave_nothing_behind() -> None:
    interim = reply("X-A: 1", "Content-Length: 5", first="HTTP/1.1 103 Early Hints", body=b"")
    found, reusable = read(interim * 3 + reply(LENGTH))
    assert (found.headers, found.body, reusable) == ({"Content-Length": str(len(BODY))}, BODY, True)


def test_trailers_are_no_headers() -> None:
    found, reusable = read(reply(CHUNKED, body=chunked(BODY, trailers="Content-Type: text/html\r\n")))
    assert (found.headers, found.body, reusable) == ({"Transfer-Encoding": "chunked"}, BODY, True)


def test_headers_reach_the_client_whatever_their_case() -> None:
    found, _ = read(reply("cOnTeNt-TyPe: application/json \t", "x-debug: 1", "RETRY-AFTER: 5", LENGTH))
    assert dict(client_headers(found.headers)) == {"Content-Type": "application/json", "Retry-After": "5"}


def test_values_that_are_no_text_are_carried_as_far_as_they_are() -> None:
    found, _ = read(b"HTTP/1.1 200 OK\r\nX-A: a\xffb\r\nX-B: \xc3\xa4\r\nContent-Length: 0\r\n\r\n")
    assert (found.headers["X-A"], found.headers["X-B"]) == ("a\ufffdb", "ä")


@pytest.mark.parametrize("split", [False, True], ids=["at once", "in pieces"])
def test_bounds(split: bool) -> None:
    def pieces(data: bytes) -> list[bytes]:
        return [data[at : at + 9000] for at in range(0, len(data), 9000)] if split else [data]

    def of_size(size: int) -> bytes:
        return reply(f"Content-Length: {size}", body=b"x" * size)

    assert len(read(*pieces(of_size(MAX_REPLY)))[0].body) == MAX_REPLY
    assert len(read(*pieces(reply(body=b"x" * MAX_REPLY)), ends=True)[0].body) == MAX_REPLY
    whole = chunked(*[b"x" * 1024] * 1024)
    assert len(read(*pieces(reply(CHUNKED, body=whole)))[0].body) == MAX_REPLY
    for data in (
        of_size(MAX_REPLY + 1),
        reply(body=b"x" * (MAX_REPLY + 1)),
        reply(CHUNKED, body=chunked(*[b"x" * 1024] * 1024, b"x")),
        # Not a byte of a body, and no end of it.
        reply(CHUNKED, body=b"1;" + b"x" * 8 * MAX_REPLY),
    ):
        with pytest.raises(Trouble, match="reply too large"):
            read(*pieces(data), ends=True)

    assert len(read(*pieces(reply("X-A: " + "a" * (MAX_HEAD - 100), LENGTH)))[0].headers["X-A"]) == MAX_HEAD - 100
    for data in (
        reply("X-A: " + "a" * MAX_HEAD, LENGTH),
        reply(*["X-A: a"] * (MAX_HEAD // 8), LENGTH),
        reply("a" * MAX_HEAD),
        reply(first="HTTP/1.1 200 " + "a" * 2 * MAX_HEAD)[: MAX_HEAD + 1],
        reply(first="HTTP/1.1 100 " + "a" * 2 * MAX_HEAD, body=b""),
        reply("X-A: 1", first="HTTP/1.1 100 Continue", body=b"") * 10_000,
        reply(CHUNKED, body=chunked(BODY, trailers=f"X-A: {'a' * MAX_HEAD}\r\n")),
    ):
        with pytest.raises(Trouble, match=r"reply head too large|unreadable reply"):
            read(*pieces(data))


def test_a_body_in_single_bytes_is_read_and_costs_no_more_than_it_should() -> None:
    body = b"x" * 200_000
    data = chunked(*single_bytes(body))
    found, reusable = read(reply(CHUNKED, body=b""), *(data[at : at + 7] for at in range(0, len(data), 7)))
    assert (found.body, reusable) == (body, True)
