"""How long the store keeps what has ended.

The rule of this file: a hold goes ninety days after its end, and an account ninety days after the end of its window, if
nothing is held on it then. What is open stays, however old it is. The entries, which say all of it, are not touched.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.ledger import Hold, State

KEPT: Final = timedelta(days=90)

ENDED: Final = frozenset({State.FINISHED, State.REFUNDED, State.VOIDED})


def horizon(now: datetime) -> datetime:
    """What ended at this instant or before it may go at `now`."""
    return now - KEPT


def ended_at(hold: Hold, noted: datetime) -> datetime:
    """When a hold ended whose end was noted as `noted`.

    Whoever notes an end may have a clock that is far behind; that of its admission was compared with the store's.
    """
    return max(noted, hold.created_at)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many of what was asked for were found to look at, and how many of them are gone now."""

    found: int
    gone: int
