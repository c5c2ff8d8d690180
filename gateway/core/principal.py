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


@value
class Principal:
    """The key of an authenticated request and whom it belongs to."""

    organization: str
    key: VirtualKey

    @property
    def team(self) -> str:
        return self.key.team


class KeyFault(StrEnum):
    """Why a key that we issued does not open this door, in the order in which it is looked at."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    ADDRESS = "address"
    SCOPE = "scope"
    TEAM_REMOVED = "team_removed"


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The key is known and may not do this. `missing` is the scope it lacks, if that is the fault."""

    fault: KeyFault
    missing: Scope | None = None


def admit_key(key: VirtualKey, now: datetime, scope: Scope | None, address: Address | None) -> KeyRefused | None:
    """Whether a key may be used at `now` (UTC) from `address`, for what needs `scope`; None when it may.

    `scope` None needs no scope at all. An unknown address (None) is in no network.
    """
    if key.revoked_at is not None:
        return KeyRefused(KeyFault.REVOKED)
    if key.expires_at is not None and key.expires_at <= now:
        return KeyRefused(KeyFault.EXPIRED)
    if key.networks and not _within(address, key.networks):
        return KeyRefused(KeyFault.ADDRESS)
    if scope is not None and scope not in key.scopes:
        return KeyRefused(KeyFault.SCOPE, scope)
    return None


def _within(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(unmapped(address) in network for network in networks)


def unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped IPv6 address stands for (a dual-stack socket reports those), or itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
