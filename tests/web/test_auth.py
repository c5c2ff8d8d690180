"""Who a request comes from, through real sockets: its key, in two headers, and its address, through proxies."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.key_secret import Kind, mint
from gateway.core.key_terms import KeyTerms
from gateway.core.principal import Network, Scope
from gateway.service.keyring import Issued, Keyring
from gateway.service.policy_desk import PolicyDesk
from gateway.web.auth import Auth, client_address
from gateway.web.edge import answer
from gateway.web.problem import GatewayError
from tests.doubles import StillClock, compile_plainly, policy_files
from tests.rings import ring
from tests.web.wire import Answer, raw, serving

TERMS = KeyTerms("video", "render farm")
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def keyring(store: Store, clock: StillClock) -> Keyring:
    desk = PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    await desk.publish(policy_files("video", "audio"), ())
    return ring(store, desk, clock)


async def issued(keyring: Keyring, terms: KeyTerms = TERMS) -> Issued:
    made = await keyring.issue(terms)
    assert isinstance(made, Issued)
    return made


async def ask(auth: Auth, *headers: str) -> Answer:
    """What a route that needs `submit_job` answers to a request with these headers."""

    async def who(request: web.Request) -> web.StreamResponse:
        principal = await auth.principal(request, Scope.SUBMIT_JOB)
        if isinstance(principal, GatewayError):
            return answer(request, principal)
        return web.json_response({"organization": principal.organization, "key": principal.key.id})

    async with serving(web.get("/who", who)) as server:
        return await server.ask(raw("GET /who HTTP/1.1", "Host: gateway", *headers))


@pytest.mark.parametrize(
    "header", ["Authorization: Bearer {}", "authorization: bearer {}", "Authorization:  BEARER   {} ", "x-api-key: {}"]
)
async def test_a_key_is_taken_from_either_header(keyring: Keyring, header: str) -> None:
    made = await issued(keyring)
    told = await ask(Auth(keyring), header.format(made.secret))
    assert (told.status, told.document) == (200, {"organization": "acme", "key": made.key.id})


async def test_a_request_without_a_key_is_asked_for_one(keyring: Keyring) -> None:
    told = await ask(Auth(keyring))
    assert (told.status, told.error["code"]) == (401, "UNAUTHORIZED")
    assert told.headers["www-authenticate"] == "Bearer"
    assert told.headers["tollhouse-error-source"] == "gateway"


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer",
        "Authorization: {}",
        "Authorization: Basic {}",
        "Authorization: Bearer {}x",
        "Authorization: Bearer {0}, Bearer {0}",
        "x-api-key: Bearer {}",
        "x-api-key:",
        "x-api-key: pb_0123456789",
        "x-api-key: " + mint(Kind.LIVE, bytes(64)),
        "x-api-key: " + mint(Kind.ADMIN, bytes(64)),
    ],
)
async def test_a_key_that_is_malformed_unknown_or_not_of_this_plane_is_invalid(keyring: Keyring, header: str) -> None:
    made = await issued(keyring)
    told = await ask(Auth(keyring), header.format(made.secret))
    assert (told.status, told.error["code"]) == (401, "INVALID_API_KEY")
    assert told.headers["www-authenticate"] == "Bearer"
    assert made.secret.encode() not in told.body


async def test_a_revoked_key_is_inactive_from_the_next_request(keyring: Keyring) -> None:
    made = await issued(keyring)
    auth = Auth(keyring)
    assert (await ask(auth, f"x-api-key: {made.secret}")).status == 200
    await keyring.revoke(made.key.id)
    told = await ask(auth, f"x-api-key: {made.secret}")
    assert (told.status, told.error["code"]) == (401, "API_KEY_INACTIVE")


async def test_a_key_of_a_removed_team_is_inactive(keyring: Keyring) -> None:
    made = await issued(keyring)
    await keyring.desk.publish(policy_files("audio"), ("video",))
    told = await ask(Auth(keyring), f"x-api-key: {made.secret}")
    assert (told.status, told.error["code"]) == (401, "API_KEY_INACTIVE")


async def test_an_expired_key_is_expired(keyring: Keyring, clock: StillClock) -> None:
    made = await issued(keyring, replace(TERMS, expires_at=clock.now() + timedelta(hours=1)))
    clock.advance(timedelta(hours=1))
    told = await ask(Auth(keyring), f"x-api-key: {made.secret}")
    assert (told.status, told.error["code"]) == (401, "API_KEY_EXPIRED")


@pytest.mark.parametrize("scopes", [frozenset[Scope](), frozenset({Scope.CHECK_STATUS, Scope.LIST_MODELS})])
async def test_a_key_without_the_scope_may_not(keyring: Keyring, scopes: frozenset[Scope]) -> None:
    made = await issued(keyring, replace(TERMS, scopes=scopes))
    told = await ask(Auth(keyring), f"x-api-key: {made.secret}")
    assert (told.status, told.error["code"]) == (403, "OPERATION_NOT_ALLOWED")
    assert told.error["details"]["scope"] == "submit_job"


async def test_a_key_may_be_tied_to_addresses(keyring: Keyring) -> None:
    here = await issued(keyring, replace(TERMS, networks=(ip_network("127.0.0.1"),)))
    elsewhere = await issued(keyring, replace(TERMS, networks=(ip_network("192.0.2.0/24"),)))
    auth = Auth(keyring)
    assert (await ask(auth, f"x-api-key: {here.secret}")).status == 200
    told = await ask(auth, f"x-api-key: {elsewhere.secret}")
    assert (told.status, told.error["code"]) == (403, "IP_NOT_WHITELISTED")


async def test_only_a_trusted_proxy_may_name_the_client(keyring: Keyring) -> None:
    made = await issued(keyring, replace(TERMS, networks=(ip_network("192.0.2.0/24"),)))
    credentials, forwarded = f"x-api-key: {made.secret}", "X-Forwarded-For: 192.0.2.7"
    assert (await ask(Auth(keyring), credentials, forwarded)).status == 403
    assert (await ask(Auth(keyring, LOOPBACK), credentials, forwarded)).status == 200
    assert (await ask(Auth(keyring, LOOPBACK), credentials, forwarded, "X-Forwarded-For: 198.51.100.1")).status == 403
    assert (await ask(Auth(keyring, LOOPBACK), credentials)).status == 403


async def test_without_the_store_nobody_is_let_in_and_nobody_is_called_invalid(keyring: Keyring) -> None:
    made = await issued(keyring)
    gone = connect("unix:///nowhere/at/all")
    told = await ask(Auth(replace(keyring, keys=RedisVirtualKeys(gone))), f"x-api-key: {made.secret}")
    await gone.close()
    assert (told.status, told.error["code"]) == (503, "STORE_UNAVAILABLE")
    assert told.headers["retry-after"] == "2"


PROXIES: tuple[Network, ...] = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ff::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        ("2001:db8::7", [], "2001:db8::7"),
        # A client may write what it likes into the header; only what a trusted proxy appended counts.
        ("192.0.2.7", ["10.0.0.1"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7 , 10.0.0.2,2001:db8:ff::2"], "192.0.2.7"),
        ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7:51234"], "192.0.2.7"),
        ("10.0.0.1", ["[2001:db8::7]:51234"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        # Nobody but proxies: the one farthest out.
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What cannot be read is not guessed.
        ("10.0.0.1", ["192.0.2.7, unknown"], None),
        ("10.0.0.1", ["192.0.2.7,"], None),
        ("10.0.0.1", ["192.0.2.300"], None),
        ("", ["192.0.2.7"], None),
        (None, ["192.0.2.7"], None),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    expected = None if client is None else ip_address(client)
    assert client_address(peer, forwarded, PROXIES) == expected


@given(st.lists(st.text(max_size=30), max_size=4))
def test_a_peer_that_is_no_proxy_is_the_client_whatever_it_writes(forwarded: list[str]) -> None:
    assert client_address("192.0.2.7", forwarded, PROXIES) == ip_address("192.0.2.7")


@given(st.lists(st.text(max_size=30), max_size=4))
def test_whatever_stands_left_of_the_client_changes_nothing(written: list[str]) -> None:
    assert client_address("10.0.0.1", [*written, "192.0.2.7"], PROXIES) == ip_address("192.0.2.7")
