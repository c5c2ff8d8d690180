"""The books for the guard: what the store has, with what the SQL ledger has of the entries that the store trimmed.

The rule of this file: `posted` is what SQL has up to its cursor and what the store has behind it. Where one of the two
does not fit the other, or SQL does not say at once, nothing is claimed of what was posted; that closes no admission.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from gateway.core.acceptance import Witness
from gateway.core.books import Excerpt
from gateway.core.export import Totals
from gateway.core.ledger import Move
from gateway.ports import ArchiveRefused, ArchiveUnavailable

_LOG: Final = logging.getLogger("tollhouse.audit")
_SQL_S: Final = 1.0
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class StoreBooks(Protocol):
    """The store's side. Raises StoreUnavailable."""

    async def read(self, limit: int, after: Witness | None, accounts: Iterable[str]) -> Excerpt:
        """As `guard.Books.read`, of the entries behind `after`, and with the balances of these accounts too."""
        ...


class Sums(Protocol):
    """The SQL side. Raises ArchiveUnavailable, ArchiveRefused."""

    async def totals(self, limit: int) -> Totals:
        """What is posted by account, of at most so many: those to which something was admitted last."""
        ...


@dataclass(frozen=True, slots=True)
class Audit:
    """Implements `guard.Books`."""

    store: StoreBooks
    sums: Sums

    async def read(self, limit: int) -> Excerpt:
        """Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(_SQL_S):
                totals = await self.sums.totals(limit)
        except (ArchiveRefused, ArchiveUnavailable, TimeoutError):
            _LOG.info("the SQL ledger does not say what was posted; only the store's own entries are added up")
            totals = Totals(None, {}, {}, whole=True)
        found = await self.store.read(limit, totals.cursor, totals.posted)
        return _joined(found, totals)


def _joined(found: Excerpt, totals: Totals) -> Excerpt:
    """SQL's sums count like one more entry."""
    if totals.cursor is None or not found.all_entries:
        return found
    admitted = {
        account: max(found.admitted.get(account, _NEVER), totals.admitted.get(account, _NEVER))
        for account in found.balances
    }
    sums = tuple(Move(account, posted, 0) for account, posted in totals.posted.items())
    of = None if totals.whole else frozenset(totals.posted)
    return replace(found, moves=found.moves + sums, admitted=admitted, posted_of=of)
