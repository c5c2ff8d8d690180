"""A list of virtual keys: which of them are wanted, in what order, and where a page of it ends.

The rule of this file: the oldest key comes first, and a cursor names the last key that was shown, so that no page is
disturbed by keys that are issued meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.core.cursor import open_cursor, read_place, write_cursor
from gateway.core.principal import VirtualKey

DEFAULT_LIMIT: Final = 100
MOST: Final = 1000
# From when on somebody should be told that a key is about to expire.
SOON: Final = timedelta(days=14)


class KeyStatus(StrEnum):
    """What has become of a key."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


def status_of(key: VirtualKey, now: datetime) -> KeyStatus:
    """What the key is at `now` (UTC). One that is revoked and has expired is revoked."""
    if key.revoked_at is not None:
        return KeyStatus.REVOKED
    return KeyStatus.EXPIRED if key.expires_at is not None and key.expires_at <= now else KeyStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a key stands: when it was issued (microseconds since 1970), and its id."""

    created_us: int
    id: str


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key, and the hour (UTC) in which it was last used, as far as that is noted."""

    key: VirtualKey
    used_in: datetime | None
    place: KeyPlace


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """Which page: at most `limit` keys behind `after`, and of them those that are all of what is given.

    `expires_by` (UTC) is for usable keys that expire until then.
    """

    limit: int = DEFAULT_LIMIT
    after: KeyPlace | None = None
    team: str | None = None
    status: KeyStatus | None = None
    expires_by: datetime | None = None
    project: str | None = None
    test: bool | None = None

    @property
    def plain(self) -> bool:
        """Whether every key of the team, or of all teams, is wanted."""
        return (self.status, self.expires_by, self.project, self.test) == (None, None, None, None)

    def takes(self, key: VirtualKey, now: datetime) -> bool:
        status = status_of(key, now)
        if self.expires_by is not None:
            expires = key.expires_at is not None and key.expires_at <= self.expires_by
            if status is not KeyStatus.ACTIVE or not expires:
                return False
        return self.status in (None, status) and self.project in (None, key.project) and self.test in (None, key.test)


@dataclass(frozen=True, slots=True)
class KeyPage:
    """`following` is where the next page goes on, None when there is none.

    Where few keys are what is wanted, a page may be short, or empty, before the last.
    """

    rows: tuple[KeyRow, ...]
    following: KeyPlace | None


def cursor_of(place: KeyPlace) -> str:
    return write_cursor(place.created_us, place.id)


def read_cursor(text: str) -> KeyPlace | None:
    """None for what no page ever named."""
    parts = open_cursor(text)
    place = None if parts is None else read_place(parts)
    return None if place is None else KeyPlace(*place)
