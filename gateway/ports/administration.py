"""What the control plane's people and their record need of the outside."""

from datetime import datetime
from typing import Protocol

from gateway.core.admin_key import AdminKey
from gateway.core.audit_record import AuditRecord


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
