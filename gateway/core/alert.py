"""Alerts: which thresholds of a limit are reached by what is posted and held, and what is told of each.

The rule of this file: an alert is one threshold of one account, so it is raised once in a window, and its id says so.
Whole numbers are compared and nothing is rounded. Where nothing is used nothing is reached, whatever the ceiling is; so
a ceiling of 0 alerts of what was used before it was lowered, and of nothing else.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.account import AccountScope, Balance, Demand, Meter, headroom
from gateway.core.money import format_usd
from gateway.core.retention import KEPT
from gateway.core.window import Calendar, WindowKind

TYPE: Final = "limit.alert"
# The store lists so many of the newest. All are in the SQL ledger.
LISTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Level:
    """How far a limit is used: its account with the ceiling in force, and what is on it.

    `team` None: the limit is the organization's.
    """

    team: str | None
    demand: Demand
    balance: Balance


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold (percent) that a level has reached, seen at `at` (UTC).

    After `forgotten_at` nothing comes any more that could raise it anew; None: it is remembered for ever.
    """

    id: str
    organization: str
    level: Level
    threshold: int
    at: datetime
    forgotten_at: datetime | None

    @property
    def owner(self) -> str:
        """Who is told, and by whose secret: the team, or the organization."""
        return self.level.team or self.organization


def reached(thresholds: Iterable[int], ceiling: int, balance: Balance) -> tuple[int, ...]:
    """Those percentages of the ceiling that what is posted and held has come up to."""
    used = balance.posted + balance.held
    return tuple([percent for percent in thresholds if used > 0 and used * 100 >= ceiling * percent])


def alerts(
    thresholds: Iterable[int], level: Level, organization: str, calendar: Calendar, now: datetime
) -> tuple[Alert, ...]:
    """What a limit with these thresholds has to tell of a level, the lowest first. Most of it was told before."""
    found = sorted(reached(thresholds, level.demand.ceiling, level.balance))
    if not found:
        return ()
    period, ends_at = _period(level.demand, calendar, now)
    forgotten_at = None if ends_at is None else ends_at + KEPT
    name = f"{level.demand.account.name} {period}"
    return tuple(Alert(_id(name, one), organization, level, one, now, forgotten_at) for one in found)


def document(alert: Alert) -> dict[str, object]:
    """What is told of it, to whoever is called and to whoever lists them. Money is a decimal string of USD."""
    demand, balance = alert.level.demand, alert.level.balance
    account = demand.account

    def amount(value: int) -> str | int:
        return format_usd(value) if account.meter is Meter.USD else value

    return {
        "type": TYPE,
        "id": alert.id,
        "at": _instant(alert.at),
        "organization": alert.organization,
        "team": alert.level.team,
        "key": account.owner if account.scope is AccountScope.KEY else None,
        "limit": account.limit,
        "scope": account.scope,
        "meter": account.meter,
        "window": demand.window or None,
        "threshold": f"{alert.threshold}%",
        "ceiling": amount(demand.ceiling),
        "posted": amount(balance.posted),
        "held": amount(balance.held),
        "headroom": amount(headroom(demand.ceiling, balance)),
        "resets_at": None if demand.resets_at is None else _instant(demand.resets_at),
    }


def body(alert: Alert) -> bytes:
    """The document as it is sent, signed and kept."""
    return json.dumps(document(alert), separators=(",", ":")).encode()


def facts(alert: Alert) -> dict[str, str]:
    """What its entry in the ledger says: the account, and the numbers as they were, in the ledger's units."""
    demand, balance = alert.level.demand, alert.level.balance
    return {
        "account": demand.account.name,
        "team": alert.level.team or "",
        "threshold": str(alert.threshold),
        "ceiling": str(demand.ceiling),
        "posted": str(balance.posted),
        "held": str(balance.held),
    }


def _period(demand: Demand, calendar: Calendar, now: datetime) -> tuple[str, datetime | None]:
    """The account says which window it is of. Jobs that run have none, and would be told of but once: so, daily."""
    if demand.account.meter is not Meter.IN_FLIGHT:
        return "", demand.resets_at
    day = calendar.containing(WindowKind.DAY, now)
    return day.label, day.ends_at


def _id(name: str, threshold: int) -> str:
    return "evt_" + hashlib.sha256(f"{name} {threshold}".encode()).hexdigest()[:32]


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
