"""What applying policy files would do: every change, what it costs whom, and what `apply` has to be told.

The rule of this file: it changes nothing, and what it says must be named is exactly what the policy desk asks for.
Money is what stands in the store now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.account import AccountScope, Balance, Demand
from gateway.core.model_glob import matches
from gateway.core.plan import Rules
from gateway.core.policy import demand
from gateway.core.policy_change import Change, compare, continues, every_limit, left_out, limits_left_behind
from gateway.core.policy_facts import ORGANIZATION, Thing
from gateway.core.policy_set import Limit, PolicySet
from gateway.ports import Clock, Ledger
from gateway.ports.keys import KeyIndex
from gateway.service.policy_desk import Files, PolicyDesk, Refused


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A limit that `apply` needs named, and what counts no more: the sum over all its accounts of this window."""

    owner: str
    limit: Limit
    window: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class Standing:
    """What one account of a limit would stand at, under the proposed ceiling."""

    owner: str
    limit: Limit
    demand: Demand
    balance: Balance


@dataclass(frozen=True, slots=True)
class Planned:
    """What `version` would change of `live` (None: nothing is live). `used` is what this gateway compared it with.

    `full` are accounts where nothing more would pass, and does yet; `found` those of limits that are new and not at
    zero, because a limit of that name counted there before. `keys` are the usable keys of every team that is affected.
    """

    live: str | None
    used: str | None
    version: str
    changes: tuple[Change, ...]
    remove_teams: tuple[str, ...]
    resets: tuple[LeftBehind, ...]
    full: tuple[Standing, ...]
    found: tuple[Standing, ...]
    keys: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Planner:
    """The use case and what it works with."""

    desk: PolicyDesk
    ledger: Ledger
    keys: KeyIndex
    clock: Clock

    async def plan(self, files: Files) -> Planned | Refused:
        """What applying the files would do now. Raises StoreUnavailable."""
        rules = await self.desk.check(files)
        if not isinstance(rules, Rules):
            return rules
        live = await self.desk.live()
        await self.desk.refresh()
        used, now = self.desk.current, self.clock.now()
        changes = compare(used, rules)
        standings = await self._standings(used, rules, now)
        known = _limits(used)

        def before(one: Standing) -> Limit | None:
            """The live limit that counts on the same account."""
            limit = known.get((one.owner, one.limit.name))
            return limit if limit is not None and continues(limit, one.limit) else None

        return Planned(
            live=None if live is None else live.version,
            used=None if used is None else used.version,
            version=rules.version,
            changes=changes,
            remove_teams=() if live is None else left_out(live.files, files),
            resets=await self._left_behind(used, rules, now),
            full=tuple(one for one in standings if _fills(one, before(one), now)),
            found=tuple(one for one in standings if before(one) is None and one.balance != Balance(0, 0)),
            keys={team: await self.keys.count_usable(team, now) for team in sorted(_affected(changes, rules))},
        )

    async def _left_behind(self, used: Rules | None, rules: Rules, now: datetime) -> tuple[LeftBehind, ...]:
        if used is None:
            return ()
        told: list[LeftBehind] = []
        for owner, limit in limits_left_behind(used.policies, rules.policies):
            keys = await self.keys.ids(owner) if limit.scope is AccountScope.KEY else ()
            accounts = [one.account for one in _demands(used.policies, owner, limit, keys, now)]
            balances = await self.ledger.balances(accounts)
            total = Balance(sum(one.posted for one in balances), sum(one.held for one in balances))
            told.append(LeftBehind(owner, limit, accounts[0].window if accounts else "", total))
        return tuple(told)

    async def _standings(self, used: Rules | None, rules: Rules, now: datetime) -> tuple[Standing, ...]:
        """Every account of a limit that is not as it was: only there can the change be felt."""
        asked: list[tuple[str, Limit, Demand]] = []
        for owner, limit in _touched(used, rules):
            keys = await self.keys.usable(owner, now) if limit.scope is AccountScope.KEY else ()
            asked += [(owner, limit, one) for one in _demands(rules.policies, owner, limit, keys, now)]
        balances = await self.ledger.balances([one.account for _, _, one in asked])
        return tuple(Standing(*one, balance) for one, balance in zip(asked, balances, strict=True))


def _touched(used: Rules | None, rules: Rules) -> Iterator[tuple[str, Limit]]:
    before = _limits(used)
    calendar = rules.policies.organization.calendar
    moved = used is not None and used.policies.organization.calendar != calendar
    for owner, limit in every_limit(rules.policies):
        if moved or before.get((owner, limit.name)) != limit:
            yield owner, limit


def _limits(rules: Rules | None) -> dict[tuple[str, str], Limit]:
    return {} if rules is None else {(owner, one.name): one for owner, one in every_limit(rules.policies)}


def _demands(policies: PolicySet, owner: str, limit: Limit, keys: Sequence[str], now: datetime) -> list[Demand]:
    """The limit on each of its accounts: one, or one for each of these keys of the team."""
    ours = policies.organization
    owners = {AccountScope.ORGANIZATION: (ours.slug,), AccountScope.TEAM: (owner,), AccountScope.KEY: keys}
    return [demand(limit, one, 0, ours.calendar, now) for one in owners[limit.scope]]


def _fills(standing: Standing, before: Limit | None, now: datetime) -> bool:
    """Whether nothing more passes under the proposed ceiling, and more does under the live one."""
    asked, counted = standing.demand, standing.balance.posted + standing.balance.held
    if not asked.enforced or counted < asked.ceiling:
        return False
    return before is None or not before.enforced or counted < before.ceiling_at(now)


def _affected(changes: Iterable[Change], rules: Rules) -> set[str]:
    """The teams that are affected. What the organization's file says, all teams meet."""
    teams: set[str] = set()
    for change in changes:
        place = change.place
        if place.thing is Thing.PRICE:
            slug = place.name.rpartition(" in ")[0]
            teams |= {team for team in rules.policies.teams if matches(rules.policies.models(team), slug)}
        elif place.thing is not Thing.PRICE_FILE and place.owner == ORGANIZATION:
            teams |= {*rules.policies.teams}
        elif place.owner != ORGANIZATION:
            teams.add(place.owner)
    return teams
