"""Which key opens which door: revoked, expired, from elsewhere and without the scope it does not."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.principal import (
    Address,
    KeyFault,
    KeyRefused,
    Network,
    Previous,
    Principal,
    Scope,
    VirtualKey,
    admit_key,
    unmapped,
)
from tests.doubles import NOON

HOME = ip_address("192.0.2.7")

KEY = VirtualKey(
    id="key_1",
    team="video",
    name="render farm",
    digest="00",
    pepper_version=1,
    last_four="abcd",
    scopes=frozenset(Scope),
    models=(),
    networks=(),
    created_at=NOON,
    expires_at=None,
    revoked_at=None,
    revision=1,
)


def within(*networks: str) -> VirtualKey:
    allowed: tuple[Network, ...] = tuple(ip_network(network) for network in networks)
    return replace(KEY, networks=allowed)


def test_a_sound_key_is_admitted() -> None:
    assert admit_key(KEY, "00", NOON, Scope.SUBMIT_JOB, HOME) is None
    assert Principal("acme", KEY, "00").team == "video"


def test_a_revoked_key_is_refused_for_ever() -> None:
    revoked = replace(KEY, revoked_at=NOON + timedelta(days=1))
    assert admit_key(revoked, "00", NOON, Scope.SUBMIT_JOB, HOME) == KeyRefused(KeyFault.REVOKED)


def test_a_key_ends_at_its_expiry_and_not_before() -> None:
    key = replace(KEY, expires_at=NOON)
    assert admit_key(key, "00", NOON - timedelta(microseconds=1), Scope.SUBMIT_JOB, HOME) is None
    assert admit_key(key, "00", NOON, Scope.SUBMIT_JOB, HOME) == KeyRefused(KeyFault.EXPIRED)


@given(st.sets(st.sampled_from(Scope)), st.sampled_from(Scope))
def test_only_a_scope_that_the_key_has_is_open(scopes: set[Scope], wanted: Scope) -> None:
    key = replace(KEY, scopes=frozenset(scopes))
    expected = None if wanted in scopes else KeyRefused(KeyFault.SCOPE, wanted)
    assert admit_key(key, "00", NOON, wanted, HOME) == expected
    assert admit_key(key, "00", NOON, None, HOME) is None


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["192.0.2.0/24"], "192.0.2.255"),
        (["198.51.100.0/24", "192.0.2.0/24"], "192.0.2.1"),
        (["192.0.2.0/24"], "::ffff:192.0.2.1"),
        (["2001:db8::/32"], "2001:db8::1"),
        (["0.0.0.0/0"], "8.8.8.8"),
    ],
)
def test_an_address_in_a_network_is_admitted(networks: list[str], address: str) -> None:
    assert admit_key(within(*networks), "00", NOON, Scope.SUBMIT_JOB, ip_address(address)) is None


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (["192.0.2.0/24"], ip_address("192.0.3.0")),
        (["192.0.2.0/24"], ip_address("::ffff:192.0.3.0")),
        (["192.0.2.0/24"], ip_address("2001:db8::1")),
        (["0.0.0.0/0"], ip_address("2001:db8::1")),
        (["::/0"], HOME),
        (["0.0.0.0/0", "::/0"], None),
    ],
)
def test_an_address_elsewhere_or_unknown_is_refused(networks: list[str], address: Address | None) -> None:
    refused = admit_key(within(*networks), "00", NOON, Scope.SUBMIT_JOB, address)
    assert refused == KeyRefused(KeyFault.ADDRESS)


def test_what_a_stranger_may_learn_least_is_looked_at_first() -> None:
    key = replace(
        within("198.51.100.1"), revoked_at=NOON, expires_at=NOON - timedelta(days=1), scopes=frozenset[Scope]()
    )
    faults = []
    for mended in (
        key,
        key := replace(key, revoked_at=None),
        key := replace(key, expires_at=None),
        key := replace(key, networks=()),
    ):
        refused = admit_key(mended, "00", NOON, Scope.SUBMIT_JOB, HOME)
        assert refused is not None
        faults.append(refused.fault)
    assert faults == [KeyFault.REVOKED, KeyFault.EXPIRED, KeyFault.ADDRESS, KeyFault.SCOPE]


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_one_it_stands_for(address: IPv4Address) -> None:
    assert unmapped(IPv6Address(f"::ffff:{address}")) == address
    assert unmapped(address) == address


@given(st.ip_addresses(v=6, network="2001:db8::/32"))
def test_any_other_address_is_itself(address: IPv6Address) -> None:
    assert unmapped(address) == address


def test_a_replaced_secret_opens_until_its_grace_is_over_and_any_other_never() -> None:
    rotated = replace(KEY, digest="11", previous=Previous("00", 1, "abcd", NOON))
    before = NOON - timedelta(microseconds=1)
    assert rotated.digests == ("11", "00")
    assert admit_key(rotated, "00", before, None, HOME) is None
    assert admit_key(rotated, "00", NOON, None, HOME) == KeyRefused(KeyFault.EXPIRED)
    assert admit_key(rotated, "11", NOON, None, HOME) is None
    assert admit_key(rotated, "22", before, None, HOME) == KeyRefused(KeyFault.REPLACED)
    revoked = replace(rotated, revoked_at=NOON)
    assert {admit_key(revoked, one, before, None, HOME) for one in rotated.digests} == {KeyRefused(KeyFault.REVOKED)}
