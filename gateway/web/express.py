"""The plainest of requests, read in one go: those that are whole, and about which there is nothing to decide.

The rule of this file: what is taken here, the server behind would have taken, and read alike. Nothing is ever refused
here; whatever is odd in any way, or only rare, is left to that server and to `framing.py`, which know all the rules.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.core.value import value
from gateway.web.call import Call
from gateway.web.framing import HOST, TOKEN
from gateway.web.told import Told

# Answers a request that was read here. By request line: `POST /v1/jobs/submit HTTP/1.1`.
Express: TypeAlias = Callable[[Call, bytes], Awaitable[Told]]
Lines: TypeAlias = Mapping[str, Express]
EXPRESS: Final = web.AppKey("express", Mapping[str, Express])

_MOST_HEAD: Final = 8000
_MOST_FIELDS: Final = 64
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?=\r\n)")
# About these there are rules: how the body is framed, and what else the connection should become.
_RULED: Final = frozenset(
    {"content-encoding", "expect", "http2-settings", "te", "trailer", "transfer-encoding", "upgrade"}
)


@value
class Whole:
    """A request that came whole: who answers it, its headers, its body."""

    answer: Express
    headers: CIMultiDictProxy[str]
    body: bytes


def read_whole(data: bytes, lines: Lines) -> Whole | None:
    """The one request that `data` is, if it is one of `lines` and plain; None for anything else."""
    end = data.find(_HEAD_END)
    if not 0 < end <= _MOST_HEAD:
        return None
    head = data[:end]
    if not head.isascii():
        return None
    line, *fields = head.decode("ascii").split("\r\n")
    answer = lines.get(line)
    if answer is None or len(fields) > _MOST_FIELDS:
        return None
    headers, body = _headers(fields), data[end + len(_HEAD_END) :]
    return Whole(answer, headers, body) if headers is not None and _length(headers) == len(body) else None


def length_of(data: bytes) -> int | None:
    """How long the request is that `data` begins with, head and body; None where that does not show."""
    end = data.find(_HEAD_END)
    head = data[: end + 2].lower()
    lengths = _LENGTH.findall(head)
    if end < 0 or len(lengths) > 1 or b"\r\ntransfer-encoding" in head:
        return None
    return end + len(_HEAD_END) + int(lengths[0] if lengths else 0)


def _headers(fields: list[str]) -> CIMultiDictProxy[str] | None:
    """The headers; None where one is malformed, is there twice, or has rules."""
    headers: dict[str, str] = {}
    names: set[str] = set()
    for field in fields:
        name, colon, value = field.partition(":")
        names.add(_plain_name(name))
        headers[name] = value = value.strip(" ")
        if not colon or not value.isprintable():
            return None
    if "" in names or len(names) != len(fields) or not names.isdisjoint(_RULED):
        return None
    if "authorization" in names and "x-api-key" in names:
        return None
    found = CIMultiDictProxy(CIMultiDict(headers))
    stays = found.get("Connection", "keep-alive").lower() == "keep-alive"
    return found if stays and _plain_host(found.get("Host", "")) else None


@lru_cache(maxsize=1024)
def _plain_name(name: str) -> str:
    """The name in lower case; empty when it is none."""
    return name.lower() if TOKEN.fullmatch(name) else ""


@lru_cache(maxsize=1024)
def _plain_host(host: str) -> bool:
    return HOST.fullmatch(host) is not None


def _length(headers: CIMultiDictProxy[str]) -> int | None:
    """The body's length; None where it is not given, or not in the shortest way."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isdigit() and len(text) <= 8 and (text[0] != "0" or text == "0") else None
