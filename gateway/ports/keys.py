"""The keys we issued, as lists of them, and when each was last used. All raise StoreUnavailable."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.core.key_list import KeyPage, KeysWanted


class KeyIndex(Protocol):
    """How long each takes depends on what it gives back, and not on how many keys there are."""

    async def page(self, wanted: KeysWanted, now: datetime) -> KeyPage:
        """Some of the keys that are wanted, the oldest first."""
        ...

    async def used_in(self, key_id: str) -> datetime | None:
        """The hour (UTC) in which a key was last used, as far as that is noted."""
        ...

    async def ids(self, team: str) -> tuple[str, ...]:
        """All keys of a team, revoked ones and test keys too."""
        ...

    async def usable(self, team: str, now: datetime) -> tuple[str, ...]:
        """A team's keys that count real money, and are neither revoked nor expired."""
        ...

    async def count_usable(self, team: str, now: datetime) -> int:
        """How many keys of a team are neither revoked nor expired, test keys among them."""
        ...

    async def expiring(self, now: datetime, until: datetime) -> Mapping[str, int]:
        """How many usable keys of each team expire until then; teams without any are left out."""
        ...

    async def note_used(self, ids: Sequence[str], hour: int) -> None:
        """These were used in the hour that is so many hours after 1970 (UTC) began. Unknown ones are passed over."""
        ...
