"""HTTP as bytes on a real socket, against a small application behind the edge."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.web.body import body_refusal, continue_later, read_body
from gateway.web.call import Call
from gateway.web.edge import answer
from gateway.web.express import EXPRESS, Express, Lines
from gateway.web.framing import query_refusal
from gateway.web.listener import Listener
from gateway.web.problem import GatewayError
from gateway.web.told import Told

LIMIT = 1024**2
PATIENCE_S = 5.0
NEXT = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: next\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. Header names are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[1])

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.document["error"]


@dataclass(slots=True)
class Wire:
    """One connection. That the other side has closed it shows in what comes back, not in an exception."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, raw: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(raw)
            await self.writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            line, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
            return Answer(line, headers, await self.reader.readexactly(int(headers.get("content-length", "0"))))

    async def ask(self, raw: bytes) -> Answer:
        await self.send(raw)
        return await self.answer()

    async def rest(self) -> bytes:
        """What else comes until the other side closes; fails when it does not."""
        rest = bytearray()
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionError):
                while piece := await self.reader.read(65536):
                    rest += piece
        return bytes(rest)


@dataclass(slots=True)
class Server:
    """Where the application listens, what its submit handler was given, how often on the express lane.

    `sends_off` ends every connection with its next answer.
    """

    port: int
    bodies: list[bytes] = field(default_factory=list)
    express: int = 0
    sends_off: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()

    async def ask(self, raw: bytes) -> Answer:
        async with self.wire() as wire:
            return await wire.ask(raw)


@asynccontextmanager
async def serving(
    *routes: web.RouteDef, body_seconds: float = 30.0, express: bool | Express = True, **options: Any
) -> AsyncIterator[Server]:
    """`POST /v1/jobs/submit` and `GET /healthz` behind the edge, with `routes` besides.

    `express` is whether submits may take the express lane, or who answers them there; `options` are the listener's.
    """

    async def submit(request: web.Request) -> web.StreamResponse:
        body = query_refusal(request) or await read_body(request, LIMIT, body_seconds)
        if isinstance(body, GatewayError):
            return answer(request, body)
        server.bodies.append(body)
        return web.json_response({"read": len(body)})

    async def express_submit(call: Call, body: bytes) -> Told:
        server.express += 1
        if not isinstance(express, bool):
            return await express(call, body)
        refused = body_refusal(call.headers, len(body), LIMIT)
        if refused is not None:
            return call.refused(refused)
        server.bodies.append(body)
        content = json.dumps({"read": len(body)}).encode()
        return Told(200, {"Content-Type": "application/json; charset=utf-8"}, content)

    async def healthz(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"alive": True})

    app = web.Application()
    runner = Listener(app, lambda: "made", **{"lingering_time": 0.1, "shutdown_timeout": 1.0, **options})
    server = Server(0, sends_off=runner.send_off)
    lines: Lines = {"POST /v1/jobs/submit HTTP/1.1": express_submit}
    app[EXPRESS] = lines if express else {}
    app.router.add_route("POST", "/v1/jobs/submit", submit, expect_handler=continue_later)
    app.add_routes([web.get("/healthz", healthz), *routes])
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = site.port
    try:
        yield server
    finally:
        await runner.cleanup()


def post(
    *headers: str, body: bytes = b"{}", line: str = "POST /v1/jobs/submit HTTP/1.1", host: str = "gateway"
) -> bytes:
    """A submit with `headers` besides Host, Content-Type and Content-Length."""
    return raw(
        line, f"Host: {host}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, body=body
    )


def chunked(*headers: str, body: bytes = b"2\r\n{}\r\n0\r\n\r\n", line: str = "POST /v1/jobs/submit HTTP/1.1") -> bytes:
    """A submit in chunks; `headers` say so."""
    return raw(line, "Host: gateway", "Content-Type: application/json", *headers, body=body)


def raw(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body
