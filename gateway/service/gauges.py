"""The figures that Prometheus reads from the store: every limit as it stands, and what is open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.core.account import AccountScope, Balance, Demand, Meter
from gateway.core.figures import LimitGauge, StoreGauges
from gateway.core.key_list import SOON
from gateway.core.money import MICRO_PER_USD
from gateway.core.plan import Rules
from gateway.core.policy import demand
from gateway.core.policy_set import Limit
from gateway.core.window import Window
from gateway.ports import Clock, ClosedPrices, Ledger, StoreVitals
from gateway.ports.keys import KeyIndex
from gateway.service.policy_desk import PolicyDesk
from gateway.service.policy_watch import PolicyWatch


@dataclass(frozen=True, slots=True)
class _Measured:
    """One account of a limit, and under which name it is shown: a key's account is shown as its team's."""

    name: str
    demand: Demand
    window: Window | None


@dataclass(frozen=True, slots=True)
class Gauges:
    """The use case and what it works with."""

    desk: PolicyDesk
    ledger: Ledger
    keys: KeyIndex
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
            keys_expiring=await self.keys.expiring(now, now + SOON),
        )

    async def _limits(self, rules: Rules, now: datetime) -> tuple[LimitGauge, ...]:
        teams = rules.policies.teams.values()
        per_key = (team.slug for team in teams if any(limit.scope is AccountScope.KEY for limit in team.limits))
        keys = {slug: await self.keys.usable(slug, now) for slug in per_key}
        measured = tuple(_measured(rules, keys, now))
        balances = await self.ledger.balances([one.demand.account for one in measured])
        fullest: dict[tuple[str, str, str, str], LimitGauge] = {}
        for one, balance in zip(measured, balances, strict=True):
            gauge = _gauge(one, balance)
            row = (gauge.scope, gauge.name, gauge.limit, gauge.meter)
            if row not in fullest or fullest[row].posted + fullest[row].held < gauge.posted + gauge.held:
                fullest[row] = gauge
        return tuple(fullest.values())


def _measured(rules: Rules, keys: Mapping[str, tuple[str, ...]], now: datetime) -> Iterator[_Measured]:
    organization = rules.policies.organization
    calendar = organization.calendar

    def measured(name: str, limit: Limit, owner: str) -> _Measured:
        window = calendar.containing(limit.window, now) if limit.window else None
        return _Measured(name, demand(limit, owner, 0, calendar, now), window)

    for limit in organization.limits:
        yield measured(organization.slug, limit, organization.slug)
    for team in rules.policies.teams.values():
        for limit in team.limits:
            for owner in keys[team.slug] if limit.scope is AccountScope.KEY else (team.slug,):
                yield measured(team.slug, limit, owner)


def _gauge(measured: _Measured, balance: Balance) -> LimitGauge:
    asked, window = measured.demand, measured.window
    unit = MICRO_PER_USD if asked.account.meter is Meter.USD else 1
    return LimitGauge(
        scope=asked.account.scope,
        name=measured.name,
        limit=asked.account.limit,
        meter=asked.account.meter,
        ceiling=asked.ceiling / unit,
        posted=balance.posted / unit,
        held=balance.held / unit,
        opened_at=window.starts_at.timestamp() if window and window.starts_at else None,
        resets_at=window.ends_at.timestamp() if window and window.ends_at else None,
    )
