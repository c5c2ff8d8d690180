"""Who is asking: virtual keys, and the principal that a valid one makes of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

from gateway.core.value import value
from gateway.core.word import Word

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address


class Scope(Word):
    """What a key may do, in the provider's words. A key with none may do nothing."""

    SUBMIT_JOB = "submit_job"
    CHECK_STATUS = "check_status"
    LIST_MODELS = "list_models"


@dataclass(frozen=True, slots=True)
class Previous:
    """The secret that a rotation replaced: it opens the key's doors until `until` (UTC), and not any more then."""

    digest: str = field(repr=False)
    pepper_version: int
    last_four: str
    until: datetime


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A key we issued, without its secret: `digest` is HMAC-SHA-256 under pepper `pepper_version`, in hex.

    `revision` grows with every change. An empty `models` or `networks` allows all; an empty `scopes` allows nothing.
    Times are UTC; `revoked_at` and `expires_at` may be None.
    """

    id: str
    team: str
    name: str
    digest: str = field(repr=False)
    pepper_version: int
    last_four: str
    scopes: frozenset[Scope]
    models: tuple[str, ...]
    networks: tuple[Network, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revision: int
    test: bool = False
    project: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    previous: Previous | None = None

    @property
    def digests(self) -> tuple[str, ...]:
        """Those that the key goes by, that of its newest secret first."""
        return (self.digest,) if self.previous is None else (self.digest, self.previous.digest)


@value
class Principal:
    """The key of an authenticated request and whom it belongs to; `digest` is that of the secret it was opened with."""

    organization: str
    key: VirtualKey
    digest: str = field(repr=False)

    @property
    def team(self) -> str:
        return self.key.team


class KeyFault(StrEnum):
    """Why a key that we issued does not open this door, in the order in which it is looked at."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    REPLACED = "replaced"
    ADDRESS = "address"
    SCOPE = "scope"
    TEAM_REMOVED = "team_removed"


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The key is known and may not do this. `missing` is the scope it lacks, if that is the fault."""

    fault: KeyFault
    missing: Scope | None = None


def admit_key(
    key: VirtualKey, digest: str, now: datetime, scope: Scope | None, address: Address | None
) -> KeyRefused | None:
    """Whether a key may be used with the secret of `digest`, at `now` (UTC) from `address`, for what needs `scope`;
    None when it may.

    `scope` None needs no scope at all. An unknown address (None) is in no network.
    """
    if key.revoked_at is not None:
        return KeyRefused(KeyFault.REVOKED)
    if digest not in key.digests:
        return KeyRefused(KeyFault.REPLACED)
    if _past(key.expires_at, now) or (digest != key.digest and key.previous and _past(key.previous.until, now)):
        return KeyRefused(KeyFault.EXPIRED)
    if key.networks and not _within(address, key.networks):
        return KeyRefused(KeyFault.ADDRESS)
    if scope is not None and scope not in key.scopes:
        return KeyRefused(KeyFault.SCOPE, scope)
    return None


def _past(end: datetime | None, now: datetime) -> bool:
    return end is not None and end <= now


def _within(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(unmapped(address) in network for network in networks)


def unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped IPv6 address stands for (a dual-stack socket reports those), or itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
