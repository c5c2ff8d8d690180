"""Submits that get no answer: what was certainly never sent is void, whatever may have been sent stays in doubt."""

import asyncio
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, SLUG, House, open_house, until
from tests.walkthrough.outcomes import RULES, accepted, in_doubt, story
from tests.walkthrough.stranger import reply, says, says_and_closes, says_and_resets, stays_silent, stranger
from tests.web.wire import Server, post

SELF_SIGNED = Path(__file__).with_name("self_signed.pem")


async def unreachable(house: House) -> None:
    """A submit is told that nothing was sent, and everything it held is back."""
    told = await story(house)
    answer = await told.submit()
    assert (answer.status, answer.code) == (502, "UPSTREAM_UNREACHABLE")
    assert answer.headers["Tollhouse-Error-Source"] == "gateway"
    assert "Tollhouse-Cost-Usd" not in answer.headers
    await told.ends_as("voided", answer)
    metrics = await house.metrics()
    assert metrics("tollhouse_submissions_total", team="video", model=SLUG, outcome="unreachable") == 1
    assert metrics("tollhouse_holds", state="held") == 0


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with open_house(RULES, upstream=f"http://127.0.0.1:{port}") as house:
        await unreachable(house)


async def test_nobody_knows_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def without_a_network(host: Any, *arguments: Any, **named: Any) -> Any:
        if host == "upstream.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", without_a_network)
    async with open_house(RULES, upstream="https://upstream.invalid") as house:
        await unreachable(house)


async def test_a_name_that_cannot_be_one() -> None:
    async with open_house(RULES, upstream=f"https://{'x' * 64}.invalid") as house:
        await unreachable(house)


async def test_the_other_side_does_not_speak_tls() -> None:
    async def greets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greets, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_house(RULES, upstream=f"https://127.0.0.1:{port}") as house:
            await unreachable(house)


async def test_the_other_side_says_nothing_to_our_tls() -> None:
    async with stranger(stays_silent) as upstream:
        url = upstream.url.replace("http:", "https:")
        async with open_house(RULES, upstream=url, upstream_timeout="300ms") as house:
            await unreachable(house)
        assert upstream.connections == 1


async def test_the_other_side_cannot_prove_who_it_is() -> None:
    """Its certificate is its own word: neither the key nor the job is told to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    async with stranger(says(reply(200, accepted("job_1"))), tls=context) as upstream:
        async with open_house(RULES, upstream=upstream.url) as house:
            await unreachable(house)
        assert upstream.requests == []


@contextmanager
def full_house() -> Iterator[int]:
    """A port whose queue is full: a connection to it is neither accepted nor refused."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = server.getsockname()
        for _ in range(8):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(address)
        yield address[1]


async def test_the_deadline_passes_before_there_is_a_connection() -> None:
    with full_house() as port:
        async with open_house(RULES, upstream=f"http://127.0.0.1:{port}", upstream_timeout="300ms") as house:
            await unreachable(house)


async def test_no_whole_answer_after_the_bytes_have_left() -> None:
    whole = reply(200, accepted("job_1"))
    acts = [
        says_and_closes(),
        says_and_resets(),
        says_and_closes(whole[:20]),
        says_and_resets(whole[:-1]),
        says_and_closes(whole[:-1]),
        says_and_resets(reply(503, b"", length=100)),
        says_and_closes(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        for _ in acts:
            answer = await told.submit()
            assert in_doubt(answer)
            await told.ends_as("in_doubt", answer)
        # Nothing is ever sent a second time.
        assert len(upstream.requests) == len(acts)


async def test_no_whole_answer_before_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def drips(writer: asyncio.StreamWriter) -> None:
        for byte in reply(200, accepted("job_1")) * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    acts = [stays_silent, says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), drips]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url, upstream_timeout="300ms") as house:
        told = await story(house)
        for _ in acts:
            began = time.monotonic()
            answer = await told.submit()
            assert 0.25 <= time.monotonic() - began < 5.0
            assert in_doubt(answer)
            await told.ends_as("in_doubt", answer)
        assert len(upstream.requests) == len(acts)
        assert (await house.metrics())(
            "tollhouse_submissions_total", team="video", model=SLUG, outcome="in_doubt"
        ) == len(acts)
    lines = [record.__dict__["fields"] for record in caplog.records if record.getMessage() == "submission"]
    assert [line["cause"] for line in lines] == ["TimeoutError"] * 3
    assert [line["outcome"] for line in lines] == ["in_doubt"] * 3


async def test_a_sandbox_that_takes_the_job_and_says_nothing() -> None:
    """The doubt is well founded: it made the job, and charged for it."""
    async with open_house(RULES, faults=Faults(hang=True), upstream_timeout="300ms") as house:
        told = await story(house)
        await told.ends_as("in_doubt", await told.submit())
        await told.ends_as("in_doubt", await told.submit(sandbox={"hang": False, "reset_after": True}))
        await told.ends_as("in_doubt", await told.submit(sandbox={"hang": False, "reset_before": True}))
        assert house.upstream_calls == 3
        assert house.sandbox.account.spent == 2 * 700_000


async def test_a_connection_kept_alive_that_breaks_is_not_tried_again() -> None:
    """Client libraries like to repeat a request that met a dead connection: it would be a second job."""
    acts = [says(reply(200, accepted("job_1"))), says_and_resets(), says(reply(200, accepted("job_2")))]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        await told.ends_as("captured", await told.submit())
        broken = await told.submit()
        assert in_doubt(broken)
        await told.ends_as("in_doubt", broken)
        assert (upstream.connections, len(upstream.requests)) == (1, 2)
        await told.ends_as("captured", await told.submit())
        assert (upstream.connections, len(upstream.requests)) == (2, 3)


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_a_client_that_hangs_up_is_charged_for_what_it_asked(how: str) -> None:
    async with open_house(RULES, faults=Faults(latency_ms=300)) as house:
        told = await story(house)
        body = json.dumps({"model": SLUG, "input": dict(SEED)}).encode()
        async with Server(house.port).wire() as wire:
            await wire.send(post(f"x-api-key: {told.key.secret}", body=body))
            await until(lambda: in_hand(house))
            if how == "resets":
                wire.writer.transport.abort()

        await until(lambda: house.has(captured=1))
        told.ends["captured"] += 1
        await told.stands()
        assert (house.upstream_calls, house.sandbox.account.spent) == (1, 700_000)
        metrics = await house.metrics()
        assert metrics("tollhouse_submissions_total", team="video", model=SLUG, outcome="accepted") == 1


async def in_hand(house: House) -> bool:
    return house.sandbox.record.in_flight == 1


async def test_a_client_that_hangs_up_before_its_body_is_whole_has_asked_for_nothing() -> None:
    async with open_house(RULES) as house:
        key = await house.key()
        async with Server(house.port).wire() as wire:
            await wire.send(post(f"x-api-key: {key.secret}", body=b"{}")[:-1])
        assert (await house.submit(key)).status == 200
        assert house.upstream_calls == 1
        assert await house.states() == {"captured": 1}
