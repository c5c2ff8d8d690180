"""What alerts need of the world: which accounts moved, where an alert is kept, where it is counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.core.alert import Alert


@dataclass(frozen=True, slots=True)
class Place:
    """Up to which entry of the ledger was looked."""

    epoch: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The accounts on which more stands by some entries, each once, those of test keys left out.

    `upto` is the last of these entries, None where the store has no epoch. `gap`: entries before them are gone, so an
    account may have moved that is not named. `more`: there are further entries.
    """

    upto: Place | None
    accounts: tuple[str, ...]
    gap: bool
    more: bool


class AlertBook(Protocol):
    """All raise StoreUnavailable."""

    async def place(self) -> Place | None:
        """Up to where was looked, whoever did."""
        ...

    async def moved(self, after: Place | None) -> Moved:
        """What the next entries moved; from the oldest that is there, if `after` is of another history, or None."""
        ...

    async def looked(self, upto: Place) -> None:
        """Whatever these entries raise is raised."""
        ...

    async def put(self, alert: Alert, url: str | None) -> bool:
        """Mark it as raised, write its entry, list it and have it sent, all or nothing; False if it was before."""
        ...

    async def newest(self, limit: int, team: str | None) -> tuple[Mapping[str, object], ...]:
        """The documents of those raised, of one team's limits if it is named: the newest first, so many at most."""
        ...


class AlertTelemetry(Protocol):
    def alerted(self, owner: str, limit: str, threshold: int) -> None:
        """Count an alert that was raised, of a team's limit or the organization's."""
        ...
