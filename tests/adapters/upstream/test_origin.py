"""Getting to the provider: names, addresses, TLS and paths; and what cannot be reached is never sent to."""

import asyncio
import socket
import ssl
from typing import Any

import pytest

from gateway.adapters.system import SystemClock
from gateway.adapters.upstream import origin as origins
from gateway.core.reply import Accepted, NotSent, Unknown
from tests.adapters.upstream.lines import Line, provider, submit, upstream
from tests.walkthrough.outcomes import accepted
from tests.walkthrough.stranger import reply, says, says_and_closes, says_and_resets, stranger
from tests.walkthrough.test_outcomes_lost import SELF_SIGNED, full_house

OK = reply(200, accepted("job_1"))


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/v1/jobs/submit"),
        ("/", "/v1/jobs/submit"),
        ("/proxy/muvi/", "/proxy/muvi/v1/jobs/submit"),
        ("/a%20b/c d/ä", "/a%20b/c%20d/%C3%A4/v1/jobs/submit"),
    ],
)
async def test_the_path_that_is_asked(path: str, asked: str) -> None:
    async with stranger(says(OK)) as there, upstream(there.url + path) as met:
        assert isinstance(await submit(met), Accepted)
        first, host, *_ = there.head().split("\r\n")
        assert first == f"POST {asked} HTTP/1.1"
        assert host == f"Host: 127.0.0.1:{there.port}"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com", "api.example.com"),
        ("https://api.example.com:443", "api.example.com"),
        ("http://api.example.com:443", "api.example.com:443"),
        ("http://api.example.com:80/x", "api.example.com"),
        ("https://API.example.com:8443", "api.example.com:8443"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://bücher.example", "xn--bcher-kva.example"),
    ],
)
async def test_the_host_that_is_named(url: str, host: str) -> None:
    begin = origins.Origin(url, SystemClock()).opening("POST", "/v1/jobs/submit")
    assert begin.split("\r\n")[1] == f"Host: {host}"


def trusting(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """From here on the certificate is one of the system's; the context serves with it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(SELF_SIGNED))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    return context


async def test_tls_and_its_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    context = trusting(monkeypatch)
    async with stranger(says(OK), tls=context) as there, upstream(there.url) as met:
        for _ in range(5):
            assert isinstance(await submit(met), Accepted)
        # What TLS itself has to say between requests may cost a connection, and never an answer.
        assert there.connections < 5
        assert len(there.requests) == 5


async def test_tls_that_breaks_off_at_any_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    context = trusting(monkeypatch)
    acts = [how(OK[:at]) for at in range(0, len(OK), 7) for how in (says_and_closes, says_and_resets)]
    async with stranger(*acts, tls=context) as there, upstream(there.url) as met:
        assert [type(await submit(met)) for _ in acts] == [Unknown] * len(acts)
        assert there.connections == len(there.requests) == len(acts)


async def test_tls_to_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is good, and for another name."""
    context = trusting(monkeypatch)
    async with stranger(says(OK), tls=context) as there:
        async with upstream(f"https://localhost:{there.port}") as met:
            assert await submit(met) == NotSent("SSLCertVerificationError")
        assert there.requests == []


async def test_tls_of_a_stranger() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    async with stranger(says(OK), tls=context) as there:
        async with upstream(there.url) as met:
            assert await submit(met) == NotSent("SSLCertVerificationError")
        assert there.requests == []


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100])
async def test_no_tls_at_all(greeting: bytes) -> None:
    async def greets(line: Line) -> None:
        line.say(greeting)
        line.say_no_more()
        await line.ended()

    async with provider(greets) as there, upstream(there.url.replace("http:", "https:")) as met:
        assert isinstance(await submit(met), NotSent)
        await there.lines[0].over.wait()
        assert b"Authorization" not in there.lines[0].received


async def test_tls_that_takes_too_long_sends_nothing() -> None:
    """Whoever answers after the deadline does not get the job."""
    async with provider(Line.ended) as there, upstream(there.url.replace("http:", "https:")) as met:
        assert await submit(met, SystemClock().monotonic() + 0.2) == NotSent("TimeoutError")


async def test_connecting_takes_no_longer_than_the_deadline_or_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_house() as port:
        async with upstream(f"http://127.0.0.1:{port}") as met:
            monkeypatch.setattr(origins, "CONNECT_S", 3600.0)
            assert await submit(met, SystemClock().monotonic() + 0.2) == NotSent("TimeoutError")
            monkeypatch.setattr(origins, "CONNECT_S", 0.2)
            assert await submit(met, SystemClock().monotonic() + 3600) == NotSent("TimeoutError")


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[int, str, int]) -> None:
    """The provider's name has these addresses, each a family, an address and a port; with none, nobody knows it."""
    loop = asyncio.get_running_loop()
    ask = loop.getaddrinfo

    async def found(host: Any, port: Any, **named: Any) -> Any:
        if host != "api.example.com":
            return await ask(host, port, **named)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host, port in addresses]

    monkeypatch.setattr(loop, "getaddrinfo", found)


async def test_an_address_that_refuses_is_not_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        refuses = free.getsockname()[1]
    async with stranger(says(OK)) as there, upstream("http://api.example.com") as met:
        resolving(monkeypatch, (socket.AF_INET, "127.0.0.1", refuses), (socket.AF_INET, "127.0.0.1", there.port))
        assert isinstance(await submit(met), Accepted)
        assert len(there.requests) == 1


async def test_an_address_that_is_silent_does_not_use_up_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_house() as silent:
        async with stranger(says(OK)) as there, upstream("http://api.example.com") as met:
            resolving(monkeypatch, (socket.AF_INET, "127.0.0.1", silent), (socket.AF_INET, "127.0.0.1", there.port))
            assert isinstance(await submit(met), Accepted)
            assert len(there.requests) == 1


async def test_addresses_that_are_all_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_house() as silent:
        async with upstream("http://api.example.com") as met:
            resolving(monkeypatch, *[(socket.AF_INET, "127.0.0.1", silent)] * 3)
            assert await submit(met, SystemClock().monotonic() + 0.6) == NotSent("TimeoutError")


async def test_no_address_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        refuses = free.getsockname()[1]
    async with upstream("http://api.example.com") as met:
        resolving(monkeypatch, (socket.AF_INET, "127.0.0.1", refuses), (socket.AF_INET, "127.0.0.2", refuses))
        assert isinstance(await submit(met), NotSent)


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch)
    async with upstream("https://api.example.com") as met:
        assert await submit(met) == NotSent("gaierror")


async def test_a_name_of_this_machine() -> None:
    async with stranger(says(OK)) as there, upstream(f"http://localhost:{there.port}") as met:
        assert isinstance(await submit(met), Accepted)
