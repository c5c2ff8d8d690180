"""An event on its way to a client: what is sent, what came of each attempt, and when the next one is due.

The rule of this file: an event has one id, by its hold or alert, however often it comes about and however often we tell
it; it is sent until a 2xx, at most so often as the provider documents for its own webhooks, and then kept for a while.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.word import Word

EVENT_ID: Final = "Tollhouse-Event-Id"
# The first attempt, and one more after each of these.
WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 4, 16, 64, 256))
ANSWER_WITHIN: Final = timedelta(seconds=30)
# Longer than an attempt may take: then whoever had taken it has died, and another one tries.
LEASE: Final = timedelta(seconds=60)
# How long an event that was sent, or given up, can be looked at and sent anew.
KEPT: Final = timedelta(days=3)
KEPT_ATTEMPTS: Final = 20


class EventKind(Word):
    """What is told: the end of a job, or an alert of a limit."""

    JOB = "job"
    ALERT = "limit.alert"


class DeliveryState(Word):
    """How far an event has come, in the provider's words."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """The end of a hold's job, as it is told to whoever asked for it: the upstream's own bytes. Or an alert, which is
    of no hold and no job, and is the organization's where `team` is its slug.

    `url` may hold a secret of the client's in its query, so it is no part of any text.
    """

    id: str
    hold: str
    job: str
    team: str
    at: datetime
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    kind: EventKind = EventKind.JOB


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call: when (UTC), and what came of it, `status 200` or a cause. `delivered`: a 2xx came in time."""

    at: datetime
    result: str
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event with what was tried so far. `tries` count since it was first, or anew, put up to be sent."""

    event: Event
    state: DeliveryState
    tries: int
    due: datetime | None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Next:
    """Where an event stands after an attempt. `due` is when it is tried again, None: not by itself."""

    state: DeliveryState
    due: datetime | None


def event_id(hold: str) -> str:
    """The event's name: a job ends once, so there is one for each hold."""
    return "evt_" + hold.removeprefix("hold_")


def after(tries: int, attempt: Attempt) -> Next:
    """What follows an attempt, before which there were `tries`."""
    if attempt.delivered:
        return Next(DeliveryState.SENT, None)
    if tries >= len(WAITS):
        return Next(DeliveryState.FAILED, None)
    return Next(DeliveryState.PENDING, attempt.at + WAITS[tries])
