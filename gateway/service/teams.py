"""The teams of the live policies, a page at a time, each with how its own limits stand.

The rule of this file: what is read is what is on the page, however many teams there are. Limits per key are left out:
of them all keys would have to be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest

from gateway.core.account import AccountScope, Balance, Demand
from gateway.core.policy import demand
from gateway.core.policy_set import TeamPolicy
from gateway.ports import Clock, Ledger
from gateway.service.policy_desk import PolicyDesk


@dataclass(frozen=True, slots=True)
class TeamStanding:
    """A team, and each limit that all its keys share with what is counted on it now."""

    team: TeamPolicy
    limits: tuple[tuple[Demand, Balance], ...]


@dataclass(frozen=True, slots=True)
class TeamPage:
    """Teams in the order of their names; `following` is the name after which the next page begins, None at the end."""

    teams: tuple[TeamStanding, ...]
    following: str | None


@dataclass(frozen=True, slots=True)
class Teams:
    """The use case and what it works with."""

    desk: PolicyDesk
    ledger: Ledger
    clock: Clock

    async def page(self, count: int, after: str, only: str | None) -> TeamPage:
        """At most so many teams with names after `after`, or the one that may be seen. Raises StoreUnavailable."""
        await self.desk.refresh()
        policies, now = self.desk.rules.policies, self.clock.now()
        slugs = nsmallest(count + 1, (slug for slug in policies.teams if slug > after and only in (None, slug)))
        teams = [policies.teams[slug] for slug in slugs[:count]]
        calendar = policies.organization.calendar
        asked = [
            [demand(limit, team.slug, 0, calendar, now) for limit in team.limits if limit.scope is AccountScope.TEAM]
            for team in teams
        ]
        balances = iter(await self.ledger.balances([one.account for of_team in asked for one in of_team]))
        standings = tuple(
            TeamStanding(team, _paired(of_team, balances)) for team, of_team in zip(teams, asked, strict=True)
        )
        return TeamPage(standings, slugs[count - 1] if len(slugs) > count else None)


def _paired(asked: list[Demand], balances: Iterator[Balance]) -> tuple[tuple[Demand, Balance], ...]:
    """Each demand with the next of the balances, which stay where they are for the team after."""
    return tuple((one, next(balances)) for one in asked)
