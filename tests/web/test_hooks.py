"""Calls of the upstream over a real socket: what is asked of the use case, what is answered, and what nobody learns."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.core.hook_token import Named
from gateway.core.webhook_event import Heard
from gateway.ports import StoreUnavailable
from gateway.service.hooks import Signed
from gateway.web import hooks
from gateway.web.body import continue_later
from gateway.web.listener import Listener
from gateway.web.plane import PLANE, DataPlane
from tests.web.wire import Answer, Server, raw

GENUINE = "1-live-genuine"


@dataclass
class Said:
    """Stands for `Hooks`: one token is genuine, and every call comes to what the test says."""

    comes_to: Heard | None = Heard.TAKEN
    calls: list[tuple[Named, Signed]] = field(default_factory=list)
    counted: list[Heard] = field(default_factory=list)

    def named(self, token: str) -> Named | None:
        return Named("hold_1", test=False) if token == GENUINE else None

    async def take(self, named: Named, call: Signed) -> Heard:
        self.calls.append((named, call))
        if self.comes_to is None:
            raise StoreUnavailable("no answer")
        return self.comes_to


@asynccontextmanager
async def listening(said: Said) -> AsyncIterator[Server]:
    app = web.Application()
    telemetry = SimpleNamespace(heard=said.counted.append)
    app[PLANE] = cast("DataPlane", SimpleNamespace(hooks=said, telemetry=telemetry, body_timeout=0.3))
    app.router.add_route("POST", hooks.PATH + "{token}", hooks.heard, expect_handler=continue_later)
    runner = Listener(app, lambda: "made", lingering_time=0.1, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Server(site.port)
    finally:
        await runner.cleanup()


def call(*headers: str, token: str = GENUINE, body: bytes = b'{"a": 1}', length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return raw(
        f"POST /tollhouse/v1/hooks/{token} HTTP/1.1", "Host: gateway", f"Content-Length: {size}", *headers, body=body
    )


SIGNED = ("X-PixelByte-Timestamp: 1", "X-PixelByte-Signature: sha256=ab")


async def answered(said: Said, request: bytes) -> Answer:
    async with listening(said) as server:
        return await server.ask(request)


def facts(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    """An answer without what differs by the second."""
    return answer.status, answer.document, {name: text for name, text in answer.headers.items() if name != "date"}


@pytest.mark.parametrize("kind", ["Content-Type: application/json", "Content-Type: text/plain", "X-A: b"])
async def test_the_raw_body_and_both_headers_are_what_is_judged(kind: str) -> None:
    said = Said()
    answer = await answered(said, call(*SIGNED, kind, body=b' {"a":\t1}\n\xff'))
    assert (answer.status, answer.document) == (200, {"received": True})
    assert said.calls == [(Named("hold_1", test=False), Signed(b' {"a":\t1}\n\xff', "1", "sha256=ab"))]
    assert said.counted == [Heard.TAKEN]


@pytest.mark.parametrize(
    "headers", [(), SIGNED[:1], SIGNED[1:], (*SIGNED, SIGNED[0]), (*SIGNED, SIGNED[1])], ids=range(5)
)
async def test_a_header_that_is_missing_or_there_twice_is_none(headers: tuple[str, ...]) -> None:
    said = Said()
    await answered(said, call(*headers))
    [(_, signed)] = said.calls
    assert "" in (signed.timestamp, signed.signature)


async def test_a_bad_token_and_a_bad_signature_look_alike_and_like_nothing() -> None:
    bad_token, bad_signature = Said(), Said(Heard.REFUSED)
    answers = [
        facts(await answered(bad_token, call(*SIGNED, token="1-live-guessed"))),
        facts(await answered(bad_signature, call(*SIGNED))),
    ]
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["error"]["code"]) == (404, "NOT_FOUND")
    assert (bad_token.calls, bad_token.counted, bad_signature.counted) == ([], [Heard.REFUSED], [Heard.REFUSED])


async def test_no_body_is_read_behind_a_bad_token() -> None:
    said = Said()
    async with listening(said) as server, server.wire() as wire:
        answer = await wire.ask(call(*SIGNED, token="guessed", body=b"", length=10**9))
        assert await wire.rest() == b""
    assert (answer.status, answer.headers["connection"]) == (404, "close")


async def test_a_body_is_bounded_in_size_and_time() -> None:
    said = Said()
    assert (await answered(said, call(*SIGNED, body=b"x" * (hooks.MAX_BODY + 1)))).status == 413
    assert (await answered(said, call(*SIGNED, body=b"x", length=2))).status == 408
    assert said.calls == []
    assert (await answered(said, call(*SIGNED, body=b"x" * hooks.MAX_BODY))).status == 200


@pytest.mark.parametrize(
    ("come", "status"),
    [(Heard.TAKEN, 200), (Heard.REPEATED, 200), (Heard.EARLY, 503), (Heard.UNREADABLE, 400), (None, 503)],
)
async def test_the_upstream_is_thanked_when_all_is_done_and_else_tells_again(come: Heard | None, status: int) -> None:
    said = Said(come)
    answer = await answered(said, call(*SIGNED))
    assert answer.status == status
    assert said.counted == ([] if come is None else [come])
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_nothing_of_a_call_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for come in (*Heard, None):
        await answered(Said(come), call(*SIGNED, body=b"the body"))
        await answered(Said(come), call(*SIGNED, token="guessed"))
    logged = json.dumps([record.__dict__ for record in caplog.records], default=repr)
    assert [word for word in ("the body", GENUINE, "guessed", "sha256=ab") if word in logged] == []
