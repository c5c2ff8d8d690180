"""What one team is held to, whoever's file says so: each rule with where it stands and what is counted on it now.

The rule of this file: it shows what decides, which is the version that this gateway uses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.account import AccountScope, Balance, Demand
from gateway.core.plan import Rules
from gateway.core.policy import TeamUnknown, demand
from gateway.core.policy_set import Limit, Organization, Override, Rate, TeamPolicy
from gateway.ports import Clock, Ledger
from gateway.ports.keys import KeyIndex
from gateway.service.policy_desk import PolicyDesk

_OURS: Final = "organization.toml"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule stands: the file, and the key in it."""

    file: str
    key: str


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """A limit, what it allows now, and what is counted on it: for a limit per key on that of its keys with the most.

    `key` is that key's id. `override` is what the ceiling comes from, if one is in force.
    """

    limit: Limit
    source: Source
    demand: Demand
    balance: Balance
    key: str | None
    override: Override | None
    override_source: Source | None


@dataclass(frozen=True, slots=True)
class InForce:
    """All that a team is held to by `version`. `models_source` says whether its list of models is inherited."""

    version: str
    team: TeamPolicy
    models: tuple[str, ...]
    models_source: Source
    limits: tuple[LimitInForce, ...]
    rates: tuple[tuple[Rate, Source], ...]


@dataclass(frozen=True, slots=True)
class Effective:
    """The use case and what it works with."""

    desk: PolicyDesk
    ledger: Ledger
    keys: KeyIndex
    clock: Clock

    async def show(self, slug: str) -> InForce | TeamUnknown:
        """What the team is held to now. Raises StoreUnavailable."""
        await self.desk.refresh()
        rules, now = self.desk.rules, self.clock.now()
        team = rules.policies.teams.get(slug)
        if team is None:
            return TeamUnknown(slug)
        inherited = team.allow.models is None
        return InForce(
            rules.version,
            team,
            rules.policies.models(slug),
            Source(_OURS, "defaults.models") if inherited else Source(_file(team), "allow.models"),
            await self._limits(rules, team, now),
            tuple(_rates(rules.policies.organization, team)),
        )

    async def _limits(self, rules: Rules, team: TeamPolicy, now: datetime) -> tuple[LimitInForce, ...]:
        ours = rules.policies.organization
        sourced = [*_sourced(_OURS, ours.limits), *_sourced(_file(team), team.limits)]
        per_key = any(limit.scope is AccountScope.KEY for limit, _ in sourced)
        keys = await self.keys.ids(team.slug) if per_key else ()
        owners = {AccountScope.ORGANIZATION: (ours.slug,), AccountScope.TEAM: (team.slug,), AccountScope.KEY: keys}
        told: list[LimitInForce] = []
        for limit, source in sourced:
            # A team without keys has its limits per key all the same: nothing is counted on them yet.
            asked = [demand(limit, owner, 0, ours.calendar, now) for owner in owners[limit.scope] or ("",)]
            balances = await self.ledger.balances([one.account for one in asked])
            fullest = max(zip(asked, balances, strict=True), key=lambda pair: pair[1].posted + pair[1].held)
            told.append(_in_force(limit, source, *fullest, now))
        return tuple(told)


def _file(team: TeamPolicy) -> str:
    return f"teams/{team.slug}.toml"


def _sourced(file: str, limits: tuple[Limit, ...]) -> Iterator[tuple[Limit, Source]]:
    for index, limit in enumerate(limits):
        yield limit, Source(file, f"limit[{index}]")


def _rates(ours: Organization, team: TeamPolicy) -> Iterator[tuple[Rate, Source]]:
    for file, rates in ((_OURS, ours.rates), (_file(team), team.rates)):
        for index, rate in enumerate(rates):
            yield rate, Source(file, f"rate[{index}]")


def _in_force(limit: Limit, source: Source, asked: Demand, balance: Balance, now: datetime) -> LimitInForce:
    override = limit.override_at(now)
    key = asked.account.owner if limit.scope is AccountScope.KEY else None
    where = None if override is None else Source(source.file, f"override[{override.place}]")
    return LimitInForce(limit, source, asked, balance, key or None, override, where)
