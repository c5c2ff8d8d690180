"""What was run with one key, by what is recorded of it: jobs and money by day, and what was refused.

The rule of this file: money is counted on the day (UTC) on which its submit was admitted, whenever it moved, so that a
day's refunds are those of its own jobs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from gateway.core.ledger import Flow
from gateway.core.money import MicroUsd
from gateway.core.recorded import Later, Life

# From then on nothing is held any more.
_DECIDED: Final = frozenset({Flow.POST_HELD, Flow.POST_ANEW, Flow.RELEASE})


@dataclass(slots=True)
class Sum:
    """`jobs` were admitted; of their money (micro-USD) so much is held, was charged, and came back."""

    jobs: int = 0
    held: MicroUsd = 0
    charged: MicroUsd = 0
    refunded: MicroUsd = 0


@dataclass(frozen=True, slots=True)
class Turned:
    """Submissions that were refused with this code, by this limit if one decided: how many, for how much."""

    code: str
    limit: str | None
    jobs: int
    amount: MicroUsd


@dataclass(frozen=True, slots=True)
class Usage:
    """`days` are those on which something was admitted, the oldest first."""

    total: Sum
    days: tuple[tuple[date, Sum], ...]
    refused: tuple[Turned, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A submit that was admitted: its hold, when (UTC), and what was held."""

    hold: str
    at: datetime
    amount: MicroUsd


@dataclass(slots=True)
class _Told:
    """What is told of one submit so far."""

    day: date
    life: Life
    held: MicroUsd

    def hear(self, later: Later) -> None:
        if self.life.turn(later).flow in _DECIDED:
            self.held = 0


def usage(asked: Iterable[Asked], later: Iterable[Later], refused: Iterable[Turned]) -> Usage:
    """What all of it comes to. `later` are the later entries of these holds, in order."""
    told = {one.hold: _Told(one.at.date(), Life(one.amount), one.amount) for one in asked}
    for entry in later:
        told[entry.hold].hear(entry)
    days, total = dict[date, Sum](), Sum()
    for one in told.values():
        _add(days.setdefault(one.day, Sum()), one)
        _add(total, one)
    return Usage(total, tuple(sorted(days.items())), tuple(refused))


def _add(total: Sum, one: _Told) -> None:
    total.jobs += 1
    total.held += one.held
    total.charged += one.life.cost
    total.refunded += one.life.refunded
