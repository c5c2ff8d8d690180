"""The stand-in upstream of the benchmark: takes every submit at once, at a price of its own, with an id of its own.

The rule of this file: it must never be what the benchmark measures. So it reads no more of a request than where it
ends, and answers with the documented reply. Run it with a port.
"""

import asyncio
import sys
from itertools import count
from typing import Final, cast

import uvloop

COST: Final = 700_000
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


def content_length(head: bytes) -> int:
    """The length that a request's head gives its body; none is 0."""
    at = head.lower().find(_LENGTH)
    return 0 if at < 0 else int(head[at + len(_LENGTH) :].split(b"\r", 1)[0])


def reply(number: int) -> bytes:
    """The documented answer to a submit, for the `number`th job."""
    body = (
        f'{{"jobId":"job_{number:016d}","status":"pending",'
        f'"estimatedCompletionTime":"2026-11-24T02:44:16Z","costMicroCents":{COST}}}'
    )
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Upstream(asyncio.Protocol):
    """One connection. `numbers` are those of the next jobs, shared by all connections."""

    def __init__(self, numbers: "count[int]") -> None:
        self._numbers = numbers
        self._arrived = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance of `asyncio.Transport` under uvloop, but a transport of that kind all the same.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole by now."""
        self._arrived += data
        while (end := self._arrived.find(_HEAD_END)) >= 0:
            whole = end + len(_HEAD_END) + content_length(self._arrived[:end])
            if len(self._arrived) < whole or self._transport is None:
                return
            self._arrived = self._arrived[whole:]
            self._transport.write(reply(next(self._numbers)))


async def _serve(port: int) -> None:
    numbers = count(1)
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(numbers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
