"""Which limits have thresholds, and what an account's name says of them.

The rule of this file: no account of a test key is watched, and none whose window ended more than a week ago. What is
watched of a key's limit is the one account that moved: there may be a million keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.account import AccountScope, Demand
from gateway.core.policy import demand
from gateway.core.policy_set import Limit, PolicySet
from gateway.core.window import Calendar

# So late is told what the last hours of a window brought, if nobody could look earlier.
LOOKED_BACK: Final = timedelta(days=7)
# So far the clocks of two gateways may be apart, and a bit: what one has admitted may be in a window to come.
AHEAD: Final = timedelta(seconds=5)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Watched:
    """One account of a limit with thresholds, with the ceiling in force. `team` None: the organization's."""

    team: str | None
    thresholds: tuple[int, ...]
    demand: Demand


@dataclass(frozen=True, slots=True)
class Named:
    """An account's name, and what it says."""

    account: str
    scope: AccountScope
    owner: str
    limit: str


def read_name(account: str) -> Named | None:
    """None for accounts of test keys."""
    if account.startswith("test:"):
        return None
    scope, owner, limit, _ = account.split(":", 3)
    return Named(account, AccountScope(scope), owner, limit)


class Watch:
    """The limits with thresholds of one policy version. Making it takes as long as there are limits."""

    def __init__(self, policies: PolicySet) -> None:
        self.calendar: Calendar = policies.organization.calendar
        self.organization = policies.organization.slug
        self._limits: Mapping[tuple[str | None, str], Limit] = dict(_with_thresholds(policies))
        self._changing = [(team, one) for (team, _), one in self._limits.items() if one.overrides]
        self._of_keys = {name for (_, name), one in self._limits.items() if one.scope is AccountScope.KEY}

    @property
    def idle(self) -> bool:
        """Whether no limit has a threshold."""
        return not self._limits

    def all(self, now: datetime) -> Iterator[Watched]:
        """The current account of every limit that is not a key's."""
        for (team, _), limit in self._limits.items():
            if limit.scope is not AccountScope.KEY:
                yield self._current(team, limit, now)

    def changed(self, since: datetime, now: datetime) -> Iterator[Watched]:
        """Those of them whose override began or ended after `since`, up to `now`."""
        for team, limit in self._changing:
            edges = (edge for one in limit.overrides for edge in (one.starts_at, one.ends_at))
            if limit.scope is not AccountScope.KEY and any(since < edge <= now for edge in edges):
                yield self._current(team, limit, now)

    def needs_key(self, named: Named) -> bool:
        """Whether an account is a key's, and its team must be known to say whether it is watched."""
        return named.scope is AccountScope.KEY and named.limit in self._of_keys

    def account(self, named: Named, team: str | None, now: datetime) -> Watched | None:
        """The account of that name, if it is watched: in the current window, one that is about to begin, or the last.

        `team` is that of the key whose account it is; else it is not asked for.
        """
        if named.scope is not AccountScope.KEY:
            team = named.owner if named.scope is AccountScope.TEAM else None
        limit = self._limits.get((team, named.limit))
        if limit is None or limit.scope is not named.scope:
            return None
        for instant in self._instants(limit, now):
            found = demand(limit, named.owner, 0, self.calendar, instant)
            if found.account.name == named.account:
                return Watched(team, limit.alert_at, found)
        return None

    def _instants(self, limit: Limit, now: datetime) -> Iterator[datetime]:
        """When the account's ceiling is asked for: now, or where its window begins or ends, if it is not of now."""
        yield now
        yield now + AHEAD
        starts_at = self.calendar.containing(limit.window, now).starts_at if limit.window else None
        if starts_at is not None and now - starts_at <= LOOKED_BACK:
            yield starts_at - _INSTANT

    def _current(self, team: str | None, limit: Limit, now: datetime) -> Watched:
        owner = self.organization if team is None else team
        return Watched(team, limit.alert_at, demand(limit, owner, 0, self.calendar, now))


def _with_thresholds(policies: PolicySet) -> Iterator[tuple[tuple[str | None, str], Limit]]:
    for limit in policies.organization.limits:
        if limit.alert_at:
            yield (None, limit.name), limit
    for team in policies.teams.values():
        for limit in team.limits:
            if limit.alert_at:
                yield (team.slug, limit.name), limit
