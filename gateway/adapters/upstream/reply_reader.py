"""One reply, from bytes in whatever pieces they come: all of it, or trouble.

The rule of this file: a reply counts when every byte that its head promises is here, and its head promises in only one
way. llhttp parses, with none of its leniencies; what it would let pass and we do not is refused here. Interim replies
are passed over. What follows a whole reply does not touch it, but then its connection serves no further request.
"""

from typing import Final

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.adapters.upstream.request import Trouble
from gateway.core.reply import Reply

MAX_HEAD: Final = 64 * 1024
MAX_REPLY: Final = 1024**2

# With the framing of a body that comes in chunks of one byte, which takes six; and nothing is that wasteful.
_MAX_RECEIVED: Final = 8 * MAX_REPLY

_SWITCHING_PROTOCOLS: Final = 101


class _Surplus(Exception):
    """Another message begins after the reply."""


class ReplyReader:
    """Reads one reply, and is thrown away with it, so that nothing of one reply can get into another."""

    __slots__ = (
        "_body",
        "_head",
        "_headers",
        "_keeps",
        "_parser",
        "_received",
        "_reply",
        "_seen",
        "_status",
        "_to_the_end",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._seen: list[tuple[bytes, bytes]] = []
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._reply: Reply | None = None
        self._status = self._head = self._received = 0
        self._to_the_end = self._keeps = False

    def feed(self, data: bytes) -> tuple[Reply, bool] | None:
        """The reply once it is whole, and whether its connection may be used again. Raises Trouble."""
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._reply is None:
                raise _reason(error) from None
            self._keeps = False
        if self._reply is not None:
            # Parser and reader know each other; here they part.
            del self._parser
            return self._reply, self._keeps
        if self._received > _MAX_RECEIVED:
            raise Trouble("reply too large")
        if not self._status and self._received > MAX_HEAD:
            raise Trouble("reply head too large")
        return None

    def finish(self) -> Reply:
        """The reply, when nothing more will come. Raises Trouble unless its end was to be just that."""
        if self._to_the_end:
            return Reply(self._status, self._headers, bytes(self._body))
        raise Trouble("reply cut short" if self._received else "closed without a reply")

    def on_message_begin(self) -> None:
        if self._reply is not None:
            raise _Surplus

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + 4
        if self._head > MAX_HEAD:
            raise Trouble("reply head too large")
        self._seen.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            self._seen.clear()
            return
        if status < 100:
            raise Trouble("no such status")
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise Trouble("no such version of HTTP")
        self._to_the_end = not self._read_headers()
        self._status = status

    def on_body(self, piece: bytes) -> None:
        if len(self._body) + len(piece) > MAX_REPLY:
            raise Trouble("reply too large")
        self._body += piece

    def on_message_complete(self) -> None:
        if self._status:
            self._reply = Reply(self._status, self._headers, bytes(self._body))
            self._keeps = self._parser.should_keep_alive()

    def _read_headers(self) -> bool:
        """Whether they say where the body ends; else the connection's end does. Raises Trouble.

        llhttp refuses more than one length, a length that is not one, and a length beside a coding.
        """
        framed = False
        for name, value in self._seen:
            lowered = name.lower()
            if lowered == b"transfer-encoding":
                if framed or value.strip().lower() != b"chunked" or self._parser.get_http_version() != "1.1":
                    raise Trouble("unclear transfer encoding")
                framed = True
            elif lowered == b"content-length":
                framed = True
            self._headers[str(name, "ascii")] = str(value, "utf-8", "replace").rstrip(" \t")
        return framed


def _reason(error: Exception) -> Exception:
    """What stopped the parser: ours if we did, else the reply's fault in words that quote nothing of it."""
    if isinstance(error, HttpParserCallbackError) and isinstance(error.__context__, Exception):
        return error.__context__
    return Trouble(f"unreadable reply: {error}")
