"""The figures that Prometheus reads from the store: every limit as it stands, and what is open."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.core.account import AccountScope, Balance, Demand, Meter
from gateway.core.figures import LimitGauge, StoreGauges
from gateway.core.money import MICRO_PER_USD
from gateway.core.plan import Rules
from gateway.core.policy import demand
from gateway.core.policy_set import Limit
from gateway.core.principal import VirtualKey
from gateway.ports import Clock, ClosedPrices, Ledger, StoreVitals, VirtualKeys
from gateway.service.policy_desk import PolicyDesk
from gateway.service.policy_watch import PolicyWatch


@dataclass(frozen=True, slots=True)
class _Measured:
    """One account of a limit, and under which name it is shown: a key's account is shown as its team's."""

    name: str
    demand: Demand


@dataclass(frozen=True, slots=True)
class Gauges:
    """The use case and what it works with."""

    desk: PolicyDesk
    ledger: Ledger
    keys: VirtualKeys
    vitals: StoreVitals
    closed_prices: ClosedPrices
    clock: Clock
    watch: PolicyWatch | None = None

    async def read(self) -> StoreGauges:
        """Every limit in its current window. Raises StoreUnavailable."""
        now, rules = self.clock.now(), self.desk.current
        vitals = await self.vitals.read(now)
        limits = await self._limits(rules, now) if rules else ()
        return StoreGauges(
            limits,
            vitals.holds,
            vitals.oldest_due_seconds,
            vitals.clock_skew_seconds,
            rules.version if rules else "",
            await self.closed_prices.all(),
            vitals.ledger_lag_seconds,
            policy_watch_failed=self.watch is not None and bool(self.watch.failed),
        )

    async def _limits(self, rules: Rules, now: datetime) -> tuple[LimitGauge, ...]:
        teams = rules.policies.teams.values()
        per_key = any(limit.scope is AccountScope.KEY for team in teams for limit in team.limits)
        keys = await self.keys.all() if per_key else ()
        measured = tuple(_measured(rules, keys, now))
        balances = await self.ledger.balances([one.demand.account for one in measured])
        fullest: dict[tuple[str, str, str, str], LimitGauge] = {}
        for one, balance in zip(measured, balances, strict=True):
            gauge = _gauge(one, balance)
            row = (gauge.scope, gauge.name, gauge.limit, gauge.meter)
            if row not in fullest or fullest[row].posted + fullest[row].held < gauge.posted + gauge.held:
                fullest[row] = gauge
        return tuple(fullest.values())


def _measured(rules: Rules, keys: tuple[VirtualKey, ...], now: datetime) -> Iterator[_Measured]:
    organization = rules.policies.organization
    calendar = organization.calendar
    for limit in organization.limits:
        yield _Measured(organization.slug, demand(limit, organization.slug, 0, calendar, now))
    for team in rules.policies.teams.values():
        for limit in team.limits:
            for owner in _owners(limit, team.slug, keys):
                yield _Measured(team.slug, demand(limit, owner, 0, calendar, now))


def _owners(limit: Limit, team: str, keys: tuple[VirtualKey, ...]) -> tuple[str, ...]:
    if limit.scope is AccountScope.KEY:
        return tuple(key.id for key in keys if key.team == team and not key.test)
    return (team,)


def _gauge(measured: _Measured, balance: Balance) -> LimitGauge:
    asked = measured.demand
    unit = MICRO_PER_USD if asked.account.meter is Meter.USD else 1
    return LimitGauge(
        scope=asked.account.scope,
        name=measured.name,
        limit=asked.account.limit,
        meter=asked.account.meter,
        ceiling=asked.ceiling / unit,
        posted=balance.posted / unit,
        held=balance.held / unit,
    )
