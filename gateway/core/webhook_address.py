"""Which addresses a client, or a policy, may have called.

The rule of this file: https, to a host that the public internet knows. Here names are judged as text: where the
upstream makes the call, from its own network, what a name means to us says nothing about what it means there. Where we
make it, every connection asks `may_reach` as well, of the very address it is about to be made to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

# A name in lower case, or a network.
AllowedHost: TypeAlias = str | IPv4Network | IPv6Network

MAX_LENGTH: Final = 2048

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?]*)(?:[/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Parsers that know the old spellings of IPv4 (decimal, octal, hex, short) try them when the last label is a number.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_NAMES: Final = (
    "localhost",
    "local",
    "internal",
    "localdomain",
    "home.arpa",
    "lan",
    "intranet",
    "private",
    "corp",
)

# IANA's special-purpose registries, and everything in IPv6 that is not global unicast or that wraps an IPv4 address.
_SPECIAL_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3",
        # Looks public, and is what Azure's machines ask about themselves.
        "168.63.129.16/32",
    )
)  # fmt: skip
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


@dataclass(frozen=True, slots=True)
class BadAddress:
    """Why an address is refused: a sentence. It never repeats the address, whose query may hold a secret."""

    message: str


def allowed_host(entry: str) -> AllowedHost:
    """Read one entry of `TOLLHOUSE_WEBHOOK_ALLOW_HOSTS`: a host name, an address or a CIDR. Raises ValueError."""
    try:
        return ip_network(entry.strip("[]"))
    except ValueError as error:
        if not _is_name(entry.lower().split(".")):
            raise ValueError(f'"{entry}" is neither a host name nor an address or CIDR') from error
        return entry.lower()


def check(url: str, allowed: Sequence[AllowedHost]) -> BadAddress | None:
    """None when the upstream may be asked to call `url`, which a client named. See `objection`."""
    found = objection(url, allowed)
    return None if found is None else BadAddress(f'"webhookUrl" {found}.')


def objection(url: str, allowed: Sequence[AllowedHost]) -> str | None:
    """What is wrong with an address, said of whatever it was named by. Any port is accepted: receivers run on many.

    A host in `allowed` may be private, and may be called over http.
    """
    if len(url) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if not all("!" <= char <= "~" for char in url) or "\\" in url or "#" in url:
        return 'must be visible ASCII, without "\\" and without a fragment ("#")'
    matched = _URL.fullmatch(url)
    authority = matched and _AUTHORITY.fullmatch(matched["authority"])
    if not matched or not authority or int(authority["port"] or 443) > 65535:
        return "must read https://host/path, optionally with a port, without a user name"
    host = authority["host"].lower()
    if _is_allowed(host, allowed):
        return None
    if matched["scheme"].lower() != "https":
        return "must use https"
    return _private(host)


def is_named(url: str, allowed: Sequence[AllowedHost]) -> bool:
    """Whether the host of an address that `check` passed is allowed by its name, wherever that leads."""
    matched = _URL.fullmatch(url)
    authority = None if matched is None else _AUTHORITY.fullmatch(matched["authority"])
    return authority is not None and authority["host"].lower() in {one for one in allowed if isinstance(one, str)}


def may_reach(address: str, allowed: Sequence[AllowedHost]) -> bool:
    """Whether a connection may be made to this numeric address: it is public, or in an allowed network.

    What wraps an IPv4 address in an IPv6 one is not public, whichever address it wraps.
    """
    try:
        numeric = ip_address(address)
    except ValueError:
        return False
    networks = [one for one in allowed if not isinstance(one, str)]
    return any(numeric in network for network in networks) or _is_public(numeric)


def _is_allowed(host: str, allowed: Sequence[AllowedHost]) -> bool:
    address = _address(host)
    return any(host == one if isinstance(one, str) else address is not None and address in one for one in allowed)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is in the one spelling we accept: four decimal numbers, or IPv6 in brackets."""
    try:
        return IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except ValueError:
        return None


def _private(host: str) -> str | None:
    address = _address(host)
    if address is not None:
        return None if _is_public(address) else "must not be a private or reserved address"
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) or host.startswith("["):
        return "has an address that is not written as four decimal numbers or as IPv6"
    if not _is_name(labels):
        return "has a host that is not a valid name; leave out a dot at its end"
    if len(labels) < 2 or any(f".{host}".endswith(f".{name}") for name in _PRIVATE_NAMES):
        return "must name a host that the public internet knows"
    return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)


def _is_name(labels: list[str]) -> bool:
    sound = all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])
    return sound and len(".".join(labels)) <= 253
