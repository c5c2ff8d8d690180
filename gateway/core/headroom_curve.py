"""How near each limit came to its ceiling, day by day.

The rule of this file: a limit counted for each key is shown as its fullest key, as in the metrics.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.core.account import AccountScope, Balance, Demand, Meter, headroom
from gateway.core.value import value

_REMEMBERED: Final = 4096


@value
class LimitName:
    """A limit as somebody reads it: `owner` is the organization's slug, or the team's, with `test:` before it."""

    scope: AccountScope
    owner: str
    name: str
    meter: Meter


@value
class Low:
    """The least that was left of a ceiling."""

    headroom: int
    ceiling: int


@dataclass(slots=True)
class Curves:
    """The least headroom of every limit on every day (`2026-11-23`) on which it was met."""

    days: dict[LimitName, dict[str, Low]] = field(default_factory=dict)
    _known: dict[tuple[int, str], tuple[tuple[Demand, ...], tuple[dict[str, Low], ...]]] = field(default_factory=dict)

    def note(
        self, day: str, team: str, demands: tuple[Demand, ...], balances: tuple[Balance, ...], *, admitted: bool
    ) -> None:
        """What a job of `team` left, or found: `balances` are those before it."""
        for demand, balance, days in zip(demands, balances, self._days(team, demands), strict=True):
            left = headroom(demand.ceiling, balance)
            if admitted:
                left -= demand.amount
            low = days.get(day)
            if low is None or left < low.headroom:
                days[day] = Low(left, demand.ceiling)

    def _days(self, team: str, demands: tuple[Demand, ...]) -> tuple[dict[str, Low], ...]:
        """Where each demand's days are. Jobs of one kind ask for the very same demands, and come in crowds."""
        known = self._known.get((id(demands), team))
        if known is not None and known[0] is demands:
            return known[1]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        found = tuple([self.days.setdefault(_name(demand, team), {}) for demand in demands])
        self._known[id(demands), team] = demands, found
        return found


def _name(demand: Demand, team: str) -> LimitName:
    account = demand.account
    prefix = "test:" if account.test else ""
    owner = prefix + account.owner if account.scope is AccountScope.ORGANIZATION else team
    return LimitName(account.scope, owner, account.limit, account.meter)
