"""How near each limit came to its ceiling, day by day.

The rule of this file: a limit counted for each key is shown as its fullest key, as in the metrics.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.account import AccountScope, Balance, Demand, Meter, headroom
from gateway.core.value import value


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

    def note(
        self, day: str, team: str, demands: tuple[Demand, ...], balances: tuple[Balance, ...], *, admitted: bool
    ) -> None:
        """What a job of `team` left, or found: `balances` are those before it."""
        for demand, balance in zip(demands, balances, strict=True):
            left = headroom(demand.ceiling, balance) - (demand.amount if admitted else 0)
            account = demand.account
            prefix = "test:" if account.test else ""
            owner = prefix + account.owner if account.scope is AccountScope.ORGANIZATION else team
            days = self.days.setdefault(LimitName(account.scope, owner, account.limit, account.meter), {})
            if day not in days or left < days[day].headroom:
                days[day] = Low(left, demand.ceiling)

    def lowest(self) -> Mapping[LimitName, Low]:
        """Of each limit the day on which least was left."""
        return {name: min(days.values(), key=lambda low: low.headroom) for name, days in self.days.items()}
