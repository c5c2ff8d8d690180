"""Every way to a store that a URL can name: sockets, ports, TLS, users, databases; and URLs that name none."""

import re
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.admission import Created
from gateway.core.ledger import Outcome, Verb
from gateway.ports import StoreRefused, StoreUnavailable
from tests.adapters.redis import certificates
from tests.adapters.redis.certificates import Certificates
from tests.adapters.redis.holds import HALF_A_DAY, TEAM, admission, demand, open_ledger
from tests.adapters.redis.mirror import echoed, mirrored
from tests.store import running_store

EVERY_LOOP = True

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"
NOW = datetime.now(UTC)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Store]:
    store = connect(url)
    try:
        yield store
    finally:
        await store.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_store_on_a_port(host: str) -> None:
    port = free_port()
    with running_store(port=str(port), bind="127.0.0.1"):
        async with connected(f"redis://{host}:{port}") as store:
            assert await mirrored(store, "hello") == "hello"


async def test_a_database_of_its_own(store_url: str, store: Store) -> None:
    async with connected(f"{store_url}?db=3") as third:
        await third.command("SET", "x", "in 3")
        assert await store.command("EXISTS", "x") == 0
        assert await third.client.get("x") == b"in 3"
        await third.command("DEL", "x")


async def test_a_database_that_is_not_there(store_url: str) -> None:
    async with connected(f"{store_url}?db=99") as store:
        with pytest.raises(StoreRefused, match="DB index is out of range"):
            await store.command("PING")


@pytest.fixture
def guarded() -> Iterator[str]:
    """A store with a password, and on a port, the path of its socket."""
    with running_store() as url:
        yield url


async def test_a_password(guarded: str) -> None:
    async with connected(guarded) as first:
        await first.command("CONFIG", "SET", "requirepass", "p w")
    async with connected(f"{guarded}?password=p%20w&db=2") as store:
        assert await mirrored(store, "hello") == "hello"
    for wrong, reason in ((guarded, "NOAUTH"), (f"{guarded}?password=pw", "^WRONGPASS")):
        async with connected(wrong) as nobody:
            with pytest.raises(StoreRefused, match=reason):
                await echoed(nobody, "hello")


async def test_a_wrong_password_is_said_and_not_shown(guarded: str) -> None:
    async with connected(guarded) as first:
        await first.command("ACL", "SETUSER", "gate", "on", ">right", "+@all", "~*")
    async with connected(f"{guarded}?username=gate&password=wrong-one") as store:
        with pytest.raises(StoreRefused, match="WRONGPASS") as refused:
            await echoed(store, "hello")
        assert "wrong-one" not in str(refused.value)
    async with connected(f"{guarded}?username=gate&password=right") as store:
        assert await echoed(store, "hello") == "hello"


async def test_a_user_without_a_password(guarded: str) -> None:
    async with connected(guarded) as first:
        await first.command("ACL", "SETUSER", "gate", "on", "nopass", "+@all", "~*")
    async with connected(f"{guarded}?username=gate") as store:
        assert await store.command("ACL", "WHOAMI") == b"gate"


async def test_a_user_with_the_documented_rights_and_no_others(guarded: str) -> None:
    documented = re.findall(r"(?<=[` \n])[+~]\S+?(?=[` \n])", OPERATING.read_text(encoding="utf-8"))
    job = admission("h1", demand(TEAM, 700_000, 10_000_000), created_at=NOW)
    async with connected(guarded) as first:
        await open_ledger(first)
        await first.command("ACL", "SETUSER", "gate", "on", ">secret", *documented)
    async with connected(f"{guarded}?username=gate&password=secret") as store:
        ledger = RedisLedger(store, "e1", HALF_A_DAY)
        assert isinstance(await ledger.admit(job, NOW), Created)
        moved = await ledger.move(Verb.CAPTURE, job.hold, NOW, job="j1", cost=700_000)
        assert moved.outcome is Outcome.CAPTURED
        with pytest.raises(StoreRefused, match=r"^NOPERM"):
            await store.command("FLUSHALL")
        with pytest.raises(StoreRefused, match=r"^NOPERM"):
            await store.command("GET", "somebody's")


async def test_a_user_that_may_not_echo_is_turned_away_before_anything_ran(guarded: str) -> None:
    async with connected(guarded) as first:
        await first.command("ACL", "SETUSER", "gate", "on", ">secret", "+@all", "-echo", "~*")
        async with connected(f"{guarded}?username=gate&password=secret") as store:
            with pytest.raises(StoreRefused, match=r"NOPERM.*echo"):
                await store.command("SET", keys.POLICY, "p1")
        assert await first.command("EXISTS", keys.POLICY) == 0


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("http://127.0.0.1", "following schemes"),
        ("redis+sentinel://127.0.0.1/service/0", "following schemes"),
        ("redis://127.0.0.1:port", "port"),
        ("redis://127.0.0.1?db=first", "db"),
        ("redis://127.0.0.1?colour=red", "colour"),
        ("rediss://127.0.0.1?ssl_cert_reqs=perhaps", "perhaps"),
        ("rediss://127.0.0.1?ssl_ca_certs=/nowhere/ca.pem", "FileNotFoundError"),
        ("redis://127.0.0.1?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs"),
        ("redis://a..b/0", "label empty or too long"),
    ],
)
async def test_a_url_that_names_no_store(url: str, trouble: str) -> None:
    with pytest.raises(ValueError, match=re.escape(trouble)):
        connect(url)


# TLS. The bundled server has none; Debian's has.


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["no", "yes"], ids=["anybody", "known clients"])
def secure(request: pytest.FixtureRequest, issued: Certificates) -> Iterator[int]:
    """The port of a store that speaks TLS, to anybody or to clients with a certificate."""
    server = shutil.which("redis-server")
    assert server, "redis-server is not installed"
    port = free_port()
    options = {
        "bind": "127.0.0.1",
        "tls-port": str(port),
        "tls-cert-file": issued.certificate("server"),
        "tls-key-file": issued.key("server"),
        "tls-ca-cert-file": issued.certificate("ca"),
        "tls-auth-clients": request.param,
    }
    with running_store(server, **options):
        yield port


def presenting(issued: Certificates) -> str:
    return f"ssl_certfile={issued.certificate('client')}&ssl_keyfile={issued.key('client')}"


@pytest.mark.system
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_tls_with_an_authority_of_ones_own(secure: int, issued: Certificates, host: str) -> None:
    url = f"rediss://{host}:{secure}?ssl_ca_certs={issued.certificate('ca')}&{presenting(issued)}"
    async with connected(url) as store:
        texts = ["small", "x" * 3_000_000, "also small"]
        for text in texts:
            assert await mirrored(store, text) == text
        assert (await store.client.info("server"))["redis_version"]


@pytest.mark.system
@pytest.mark.parametrize("secure", ["yes"], indirect=True)
async def test_tls_without_the_certificate_that_is_asked_for(secure: int, issued: Certificates) -> None:
    async with connected(f"rediss://127.0.0.1:{secure}?ssl_ca_certs={issued.certificate('ca')}") as store:
        with pytest.raises(StoreRefused):
            await echoed(store, "hello")


@pytest.mark.system
@pytest.mark.parametrize("secure", ["no"], indirect=True)
async def test_tls_with_a_server_that_nobody_vouches_for(secure: int, issued: Certificates) -> None:
    for trust in (f"ssl_ca_certs={issued.certificate('another-ca')}", ""):
        async with connected(f"rediss://127.0.0.1:{secure}?{trust}") as store:
            with pytest.raises(StoreRefused, match="certificate verify failed"):
                await echoed(store, "hello")
    async with connected(f"rediss://127.0.0.1:{secure}?ssl_cert_reqs=none") as store:
        assert await echoed(store, "hello") == "hello"


@pytest.mark.system
@pytest.mark.parametrize("secure", ["no"], indirect=True)
async def test_tls_with_a_server_of_another_name(secure: int, issued: Certificates) -> None:
    trust = f"ssl_ca_certs={issued.certificate('ca')}"
    async with connected(f"rediss://127.0.0.2:{secure}?{trust}") as store:
        with pytest.raises(StoreUnavailable):
            await echoed(store, "hello")
