"""Webhook addresses: public https in one spelling, or on the operator's list."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.webhook_address import MAX_LENGTH, AllowedHost, BadAddress, allowed_host, check, is_named, may_reach


def refused(url: str, *allowed: AllowedHost) -> str:
    found = check(url, allowed)
    assert isinstance(found, BadAddress), url
    return found.message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/",
        "https://Example.COM/hooks?token=a%20b&x=1",
        "HTTPS://example.com/",
        "https://hooks.example.com:8443/x",
        "https://example.com:443/",
        "https://example.com:1/",
        "https://example.com?x=@y",
        "https://my_host.example.com/",
        "https://xn--mnchen-3ya.example/",
        "https://localhost.example.com/",
        "https://internal.example.com/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://0x7f.example/",
        "https://example.com/" + "a" * (MAX_LENGTH - 20),
    ],
)
def test_public_https_passes(url: str) -> None:
    assert check(url, ()) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[fec0::1]", "[100::1]",
        "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
        "[2002:7f00:1::]", "[2002:a00:1::1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]",
        "[2001::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[0:0:0:0:0:0:0:1]",
    ],
)  # fmt: skip
def test_no_address_that_is_not_public(host: str) -> None:
    assert "private or reserved" in refused(f"https://{host}/hook")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0X7F000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1",
        "127.0.0.0x1", "127.0.0.01", "8.8.8.008", "1.2.3", "1.2.3.4.5", "256.256.256.256", "8.8.8.8.0x", "134744072",
        "example.1", "[8.8.8.8]", "[:::1]", "[1:2]", "[::ffff:127.1]",
    ],
)  # fmt: skip
def test_addresses_have_one_spelling(host: str) -> None:
    assert "not written as four decimal numbers" in refused(f"https://{host}/hook")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "redis", "metadata", "a.localhost", "printer.local", "metadata.google.internal",
        "vault.INTERNAL", "localhost.localdomain", "nas.home.arpa", "box.lan", "wiki.intranet", "db.corp", "x.private",
    ],
)  # fmt: skip
def test_no_name_that_the_internet_does_not_know(host: str) -> None:
    assert "public internet" in refused(f"https://{host}/hook")


@pytest.mark.parametrize(
    "host",
    [
        "example.com.",
        "localhost.",
        "127.0.0.1.",
        "a..b",
        ".example.com",
        "-a.com",
        "a-.com",
        "a" * 64 + ".com",
        "a." * 127 + "com",
    ],
)
def test_names_are_well_formed_and_end_without_a_dot(host: str) -> None:
    assert "valid name" in refused(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com", "https:/example.com", "https:example.com", "https://", "https:///x",
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript://example.com/",
        "https://user@example.com/", "https://user:pass@example.com/", "https://example.com@127.0.0.1/",
        "https://:443/", "https://example.com:/", "https://example.com:0/", "https://example.com:65536/",
        "https://example.com:0443/", "https://example.com:44a/", "https://example.com:443:443/",
        "https://[::1", "https://::1/", "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://exa%6dple.com/",
        "https://127%2e0.0.1/", "https://exam*ple.com/", "https://example.com,evil.com/",
    ],
)  # fmt: skip
def test_no_url_of_another_shape(url: str) -> None:
    assert "must read https://host/path" in refused(url)


@pytest.mark.parametrize(
    "url",
    [
        " https://example.com", "https://example.com ", "https://exa mple.com", "https://example.com/\n",
        "https://example.com\t/", "https://example.com/\x00", "https://exämple.com/", "https://１２７.0.0.1/",
        "https://example.com/ü", "https://example.com\\@127.0.0.1/", "https:\\\\example.com/", "https://example.com/#x",
        "https://127.0.0.1#@example.com/", "https://example\u3002com/",
    ],
)  # fmt: skip
def test_nothing_that_parsers_disagree_about(url: str) -> None:
    assert "visible ASCII" in refused(url)


def test_length_is_bounded() -> None:
    assert "longer than 2048" in refused("https://example.com/" + "a" * (MAX_LENGTH - 19))


def test_http_is_refused_whoever_it_is() -> None:
    assert "must use https" in refused("http://example.com/")
    assert "must use https" in refused("http://127.0.0.1/")


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000/hook"),
        ("127.0.0.0/8", "https://127.1.2.3/"),
        ("::1", "http://[::1]:9000/"),
        ("[::1]", "http://[::1]:9000/"),
        ("fd00::/8", "https://[fd12::1]/"),
        ("Hooks.Internal", "http://hooks.internal/x"),
        ("hooks.internal", "https://HOOKS.internal:8443/x"),
        ("localhost", "http://localhost:9000/"),
    ],
)
def test_the_operators_list_opens_what_it_names(entry: str, url: str) -> None:
    refused(url)
    assert check(url, (allowed_host(entry),)) is None


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("127.0.0.1", "http://127.0.0.2/"),
        ("127.0.0.0/8", "http://127.1/"),
        ("127.0.0.0/8", "http://[::ffff:127.0.0.1]/"),
        ("127.0.0.0/8", "http://user@127.0.0.1/"),
        ("hooks.internal", "http://a.hooks.internal/"),
        ("hooks.internal", "http://hooks.internal./"),
        ("hooks.internal", "http://hooks.internal@169.254.169.254/"),
        ("localhost", "http://127.0.0.1/"),
    ],
)
def test_and_nothing_else(entry: str, url: str) -> None:
    refused(url, allowed_host(entry))


def test_entries_are_read_into_names_and_networks() -> None:
    assert allowed_host("10.1.0.0/16") == IPv4Network("10.1.0.0/16")
    assert allowed_host("[fd00::1]") == IPv6Network("fd00::1/128")
    assert allowed_host("Hooks.Example") == "hooks.example"


@pytest.mark.parametrize(
    "entry", ["", "10.0.0.1/8", "10.0.0.0/40", "*.example.com", "http://a.com", "a:80", "127.1", "a."]
)
def test_an_entry_that_would_match_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor"):
        allowed_host(entry)


@given(st.text(max_size=60) | st.from_regex(r"https://[!-~]{0,40}", fullmatch=True))
def test_no_text_makes_it_raise(url: str) -> None:
    assert isinstance(check(url, ()), BadAddress | None)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}"]))
def test_no_wrapped_ipv4_address_passes(number: int, form: str) -> None:
    refused(f"https://[{form.format(f'{number >> 16:x}:{number & 0xFFFF:x}')}]/")


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_an_ipv6_address_that_passes_is_global_unicast(address: IPv6Address) -> None:
    if check(f"https://[{address}]/", ()) is None:
        assert address.is_global
        assert not address.is_multicast
        assert address.sixtofour is None
        assert address.teredo is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "169.254.169.254", "168.63.129.16", "100.100.100.200", "224.0.0.1", "0.0.0.0",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8",
        "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:808:808::", "2001::1", "2001:db8::1", "hooks.example.com", "",
        "127.1", "0177.0.0.1", "8.8.8.8.",
    ],
)  # fmt: skip
def test_no_connection_to_what_is_not_public(address: str) -> None:
    assert not may_reach(address, ())
    assert not may_reach(address, ("hooks.example.com",))


def test_a_connection_to_what_is_public_or_in_an_allowed_network() -> None:
    assert may_reach("8.8.8.8", ())
    assert may_reach("2606:4700:4700::1111", ())
    inside = (allowed_host("10.1.0.0/16"), allowed_host("fd00::/8"))
    assert may_reach("10.1.2.3", inside)
    assert may_reach("fd00::1", inside)
    assert not may_reach("10.2.0.1", inside)
    assert not may_reach("::ffff:10.1.2.3", inside)


def test_whose_host_is_allowed_by_its_name() -> None:
    allowed = (allowed_host("hooks.internal"), allowed_host("10.0.0.0/8"))
    assert is_named("http://HOOKS.internal:8080/x?y", allowed)
    for url in ("https://a.hooks.internal/", "https://hooks.internal.example/", "https://10.0.0.1/", "nonsense", ""):
        assert not is_named(url, allowed)
