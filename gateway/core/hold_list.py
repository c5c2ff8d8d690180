"""The list of holds that may need somebody: what may be asked of it, and where a page of it ends.

The rule of this file: those in doubt come first, then those under way, then the lost; of each state those that are in
it longest, and a cursor names the last hold that was looked at, so that no page is disturbed by those that come or go.
"""

from dataclasses import dataclass
from typing import Final

from gateway.core.cursor import open_cursor, read_place, write_cursor
from gateway.core.ledger import State
from gateway.core.recall import HoldRecord

STATES: Final = (State.IN_DOUBT, State.HELD, State.LOST)
DEFAULT_LIMIT: Final = 100
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a hold stands in the index of a state: since when it is in it, or when it is due if it is held
    (microseconds since 1970); and its id.
    """

    since_us: int
    hold: str


@dataclass(frozen=True, slots=True)
class HoldPlace:
    """The last hold that was looked at."""

    state: State
    stand: Stand


@dataclass(frozen=True, slots=True)
class HoldsWanted:
    """Which page: at most `limit` holds behind `after`, of this state and team where they are given."""

    limit: int = DEFAULT_LIMIT
    after: HoldPlace | None = None
    state: State | None = None
    team: str | None = None

    def takes(self, record: HoldRecord) -> bool:
        return self.team in (None, record.hold.team)

    @property
    def ahead(self) -> tuple[tuple[State, Stand | None], ...]:
        """The states that are still to be looked through, each with where to go on."""
        states = tuple(one for one in STATES if self.state in (None, one))
        if self.after is None:
            return tuple((one, None) for one in states)
        left = STATES[STATES.index(self.after.state) :]
        return tuple((one, self.after.stand if one is self.after.state else None) for one in states if one in left)


@dataclass(frozen=True, slots=True)
class HoldPage:
    """`following` is where the next page goes on, None when there is none.

    Where few holds are of the team that is wanted, a page may be short, or empty, before the last.
    """

    records: tuple[HoldRecord, ...]
    following: HoldPlace | None


def hold_cursor(place: HoldPlace) -> str:
    return write_cursor(place.state, place.stand.since_us, place.stand.hold)


def read_hold_cursor(text: str) -> HoldPlace | None:
    """None for what no page ever named."""
    parts = open_cursor(text)
    if not parts or parts[0] not in STATES:
        return None
    place = read_place(parts[1:])
    return None if place is None else HoldPlace(State(str(parts[0])), Stand(*place))
