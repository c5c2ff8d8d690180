"""What settling needs of the world: which holds are open, who does the work, what it remembers, where it is counted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from gateway.core.hold_list import Stand
from gateway.core.ledger import Hold, State


class IndexedHolds(Protocol):
    """The holds in one state, by the store's index. Raises StoreUnavailable."""

    async def indexed(self, state: State, limit: int | None = None) -> Mapping[str, datetime]:
        """The id of each, and since when it is in this state, or when it is due if it is held; the oldest first.

        All of them, or the oldest so many.
        """
        ...


class ListedHolds(Protocol):
    """The same index, a piece at a time. Raises StoreUnavailable."""

    async def behind(self, state: State, after: Stand | None, count: int) -> tuple[Stand, ...]:
        """At most `count` of those that stand behind `after`, by time and then by id. None only where there are none.

        A hold that comes or goes meanwhile moves no other.
        """
        ...


class Leases(Protocol):
    """Who does some work, so that others need not. Two that believe they have it do no harm."""

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """Take the lease, or keep it for that much longer; False while another has it. Raises StoreUnavailable."""
        ...

    async def leave(self, name: str, holder: str) -> None:
        """Let others take it at once, if it is this holder's. Raises StoreUnavailable."""
        ...


class Findings(Protocol):
    """What settling remembers from round to round, whoever does it. All raise StoreUnavailable."""

    async def watermark(self, name: str) -> datetime | None:
        """Up to which instant, by the upstream's clock, the list has been looked through for jobs that nobody owns."""
        ...

    async def raise_watermark(self, name: str, to: datetime) -> None: ...

    async def given_up(self, hold_id: str, now: datetime) -> None:
        """A hold is about to be voided because the list never showed a job for it."""
        ...

    async def all_given_up(self, now: datetime) -> Mapping[str, datetime]:
        """Those of the last week, and since when: should a job of theirs appear, it is booked all the same."""
        ...


class SettlingTelemetry(Protocol):
    """Where evidence is counted."""

    def settled(self, hold: Hold, evidence: str) -> None:
        """A hold that was in doubt is not any more, by this evidence."""
        ...

    def lost(self, hold: Hold) -> None: ...

    def unowned(self) -> None:
        """A job in the upstream's list that no hold owns."""
        ...
