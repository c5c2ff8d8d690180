"""Which files of the spool may go: never one that is still needed, and else the oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.adapters.spool.segment import Segment


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, in bytes, and for how long. After `turn` comes a new file, so that each can age."""

    segment: int = 4 << 20
    total: int = 64 << 20
    age: timedelta = timedelta(days=7)
    turn: timedelta = timedelta(days=1)


def doomed(segments: Sequence[Segment], now: datetime, bounds: Bounds) -> list[Segment]:
    """Those to drop when the next one is opened. `segments` are oldest first."""
    free = [one for one in segments if one.pins == 0]
    going = [one for one in free if one.acceptances == 0 or now - one.opened_at >= bounds.age]
    surplus = sum(one.size for one in segments) - sum(one.size for one in going) + bounds.segment - bounds.total
    for one in free:
        if surplus <= 0:
            break
        if one not in going:
            going.append(one)
            surplus -= one.size
    return going
