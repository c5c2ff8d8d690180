"""Who is asking: virtual keys, and the principal that a valid one makes of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


class Scope(StrEnum):
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
    digest: str
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


@dataclass(frozen=True, slots=True)
class Principal:
    """The key of an authenticated request and whom it belongs to."""

    organization: str
    key: VirtualKey

    @property
    def team(self) -> str:
        return self.key.team
