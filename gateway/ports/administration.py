"""What the control plane's people and their record need of the outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.admin_key import AdminKey
from gateway.core.audit_record import AuditRecord
from gateway.core.price_drift import Drift


class AdminKeys(Protocol):
    """The admin keys that we issued. All raise StoreUnavailable."""

    async def by_digest(self, digest: str) -> AdminKey | None: ...

    async def get(self, key_id: str) -> AdminKey | None: ...

    async def all(self) -> tuple[AdminKey, ...]:
        """All keys, the oldest first. There are as many as people who administer."""
        ...

    async def put(self, key: AdminKey) -> bool:
        """Write the key if its revision is exactly one above the stored one (1 when new); else False."""
        ...


class AuditRecords(Protocol):
    """Every change, as the SQL ledger has it. Raises ArchiveUnavailable, ArchiveRefused."""

    async def audit_records(
        self, limit: int, before: datetime | None, action: str | None, by: str | None
    ) -> tuple[AuditRecord, ...]:
        """The newest first, at most so many, begun before an instant."""
        ...


class Drifts(Protocol):
    """Charges that are not what was quoted, as the SQL ledger has them. Raises ArchiveUnavailable, ArchiveRefused."""

    async def drift(self, since: datetime, until: datetime) -> tuple[Drift, ...]:
        """Of the jobs booked from `since` up to, not including, `until`."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """The request is new: whoever claimed it answers it."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """The request is being answered elsewhere, or was when a gateway died a moment ago."""


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """The name stands for a request that was another."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered the first time."""

    text: str
    etag: str | None


class Repeats(Protocol):
    """Requests of the control plane that may come again. All raise StoreUnavailable."""

    async def claim(self, name: str, request: str) -> Claimed | InProgress | OtherRequest | Answered:
        """Say that it is being answered; `request` tells it from others of the same name."""
        ...

    async def keep(self, name: str, request: str, answered: Answered) -> None: ...

    async def forget(self, name: str) -> None: ...
