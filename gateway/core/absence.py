"""When a hold in doubt may be voided because the upstream's list never showed a job for it; protocol, section 4.

The rule of this file: one look is never enough. The list must have been walked back past the submit twice, whole, and
the second time long after the first, without any job that could be the hold's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.ledger import Hold

MARGIN: Final = timedelta(seconds=60)
# The upstream answered with an error of its own, so it had read the submit: what it took is in its list soon.
ANSWERED_APART: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long after a submit's deadline the first walk counts, and how long after that one the second."""

    first: timedelta
    apart: timedelta


def patience(absent_after: timedelta, *, answered: bool) -> Patience:
    """`answered`: the submit got the upstream's own 5xx in its documented form."""
    return Patience(absent_after, min(absent_after, ANSWERED_APART) if answered else absent_after)


def back_to(hold: Hold) -> datetime:
    """How far back a walk must have come to say that no job is there."""
    return hold.created_at - MARGIN


@dataclass(frozen=True, slots=True)
class Missed:
    """A walk that found nothing counts as the first; it began at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Gone:
    """Two walks found nothing, far enough apart: no job was made. They began at these instants."""

    first: datetime
    second: datetime


def missed(hold: Hold, walked_at: datetime, first: datetime | None, wait: Patience) -> Missed | Gone | None:
    """What a whole walk comes to that found nothing for the hold; None where it came too early to count.

    `walked_at` is when it began, `first` when an earlier one began that counted.
    """
    if first is None:
        return Missed(walked_at) if walked_at >= hold.deadline + wait.first else None
    return Gone(first, walked_at) if walked_at >= first + wait.apart else Missed(first)
