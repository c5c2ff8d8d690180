"""Calls to addresses that a stranger chose: nothing that only we could reach is reached by them, however they try."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.adapters.webhooks import HttpPostman
from gateway.core.webhook_address import allowed_host
from tests.adapters.webhooks.strangers import Names, stranger

NAME = "hooks.example.com"
NOWHERE = "address not allowed"


@asynccontextmanager
async def postman(*allowed: str, names: Names | None = None, seconds: float = 30.0) -> AsyncIterator[HttpPostman]:
    opened = HttpPostman([allowed_host(one) for one in allowed], "1.2.3", names or Names("127.0.0.1"), seconds)
    try:
        yield opened
    finally:
        await opened.close()


async def test_a_body_arrives_as_it_is_with_its_headers_and_little_else() -> None:
    async with stranger() as met, postman(NAME) as post:
        url = f"http://{NAME}:{met.port}/hook?token=a%20b%2Fc"
        assert await post.post(url, b'{"a": 1}\n', {"Content-Type": "application/json", "X-A": "b"}) == 204
        [(path, headers, body)] = met.requests
    assert (path, body) == ("/hook?token=a%20b%2Fc", b'{"a": 1}\n')
    assert headers == {
        "Host": f"{NAME}:{met.port}",
        "User-Agent": "Tollhouse/1.2.3",
        "Content-Type": "application/json",
        "X-A": "b",
        "Content-Length": "9",
        "Connection": "close",
    }


@pytest.mark.parametrize("status", [200, 299, 302, 404, 500])
async def test_whatever_is_answered_is_told(status: int) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=b"x" * 100_000, headers={"Location": "http://127.0.0.1:1/"})

    async with stranger(answer) as met, postman("127.0.0.0/8") as post:
        assert await post.post(f"http://127.0.0.1:{met.port}/", b"{}", {}) == status
        assert met.connections == 1


PRIVATE = (
    "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001::1",
)  # fmt: skip


@pytest.mark.parametrize("meaning", PRIVATE)
async def test_no_name_leads_to_what_is_not_public(meaning: str) -> None:
    names = Names(meaning)
    async with postman(names=names) as post:
        for scheme in ("https", "http"):
            assert await post.post(f"{scheme}://{NAME}/", b"{}", {}) == NOWHERE
    # Over http nobody is even asked what the name means.
    assert names.asked == [NAME]


async def test_a_name_is_judged_by_where_it_leads_when_the_connection_is_made() -> None:
    """DNS rebinding: whoever owns the name says one thing to whoever checks it, and another to whoever connects."""
    async with stranger() as met:
        names = Names(("127.0.0.1", "10.255.255.1"), "127.0.0.1", "::1")
        async with postman(names=names) as post:
            answers = [await post.post(f"https://{NAME}:{met.port}/", b"{}", {}) for _ in range(3)]
        assert (answers, len(names.asked), met.connections) == ([NOWHERE] * 3, 3, 0)


async def test_an_address_leads_nowhere_though_nobody_has_to_look_it_up() -> None:
    async with stranger() as met, postman() as post:
        for url in (f"http://127.0.0.1:{met.port}/", f"https://127.0.0.1:{met.port}/", f"https://[::1]:{met.port}/"):
            assert await post.post(url, b"{}", {}) == NOWHERE
        assert met.connections == 0


async def test_what_the_operator_allows_is_reached_and_nothing_beside_it() -> None:
    async with stranger() as met:
        async with postman(NAME) as post:
            assert await post.post(f"http://{NAME}:{met.port}/", b"{}", {}) == 204
            assert await post.post(f"http://other.example.com:{met.port}/", b"{}", {}) == NOWHERE
            assert await post.post(f"https://other.example.com:{met.port}/", b"{}", {}) == NOWHERE
        async with postman("127.0.0.1") as post:
            assert await post.post(f"http://127.0.0.1:{met.port}/", b"{}", {}) == 204
        async with postman("10.0.0.0/8") as post:
            assert await post.post(f"https://{NAME}:{met.port}/", b"{}", {}) == NOWHERE
        assert met.connections == 2


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with stranger() as inside:

        async def away(_request: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(f"http://127.0.0.1:{inside.port}/metadata")

        async with stranger(away) as met, postman("127.0.0.0/8") as post:
            assert await post.post(f"http://127.0.0.1:{met.port}/", b"{}", {}) == 307
        assert inside.connections == 0


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stranger() as proxy, stranger() as met:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with postman("127.0.0.0/8") as post:
            assert await post.post(f"http://127.0.0.1:{met.port}/", b"{}", {}) == 204
        assert (proxy.connections, met.connections) == (0, 1)


async def raw(answer: bytes) -> str | int:
    """What is told of a server that says exactly these bytes and nothing more."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if answer.endswith(b"..."):
            while await reader.read(1000):
                pass
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with postman("127.0.0.0/8", seconds=0.5) as post:
        told = await post.post(f"http://127.0.0.1:{port}/", b"{}", {})
    server.close()
    return told


async def test_what_went_wrong_is_told_in_words_that_quote_nothing() -> None:
    assert await raw(b"") == "no readable answer"
    assert await raw(b"SECRET nonsense\r\n\r\n") == "no readable answer"
    assert await raw(b"HTTP/1.1 200 " + b"x" * 20_000 + b"\r\n\r\n") == "no readable answer"
    assert await raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 20_000 + b"\r\n\r\n") == "no readable answer"
    assert await raw(b"HTTP/1.1 200 OK\r\nX-A: ...") == "no answer in time"
    async with postman("127.0.0.0/8", "no-such.invalid", names=Names(())) as post:
        assert await post.post("http://127.0.0.1:1/", b"{}", {}) == "no connection"
    async with stranger() as met, postman("127.0.0.0/8") as post:
        assert await post.post(f"https://127.0.0.1:{met.port}/", b"{}", {}) == "no trusted TLS"


async def test_an_answer_s_body_is_not_waited_for() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    async with stranger(drip) as met, postman("127.0.0.0/8", seconds=5) as post:
        async with asyncio.timeout(3):
            assert await post.post(f"http://127.0.0.1:{met.port}/", b"{}", {}) == 200
