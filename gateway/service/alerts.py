"""Alerts: limits whose thresholds are reached are told of, by looking at how they stand.

The rule of this file: what is raised follows from the balances in the store, whatever brought them there; the ledger's
entries only say where to look. Entries count as looked at when all that they raise is raised, so whoever dies between
leaves them to the next one; that an alert is raised once, the store sees to. The lease saves looks and nothing else.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from gateway.core.alert import Alert, Level, alerts, document
from gateway.core.alert_watch import Named, Watch, Watched, read_name
from gateway.core.plan import Rules
from gateway.ports import Clock, Leases, Ledger, VirtualKeys
from gateway.ports.alerts import AlertBook, AlertTelemetry
from gateway.service.policy_desk import PolicyDesk

_LOG: Final = logging.getLogger("tollhouse.alerts")
_LEASE: Final = "alerts"
_LEASE_S: Final = 10.0
# So many accounts are read, and alerts raised, before whoever waits has a turn.
_AT_ONCE: Final = 50
# What is remembered, so that the store is not asked again: alerts that were raised, and the teams of keys.
_REMEMBERED: Final = 100_000


@dataclass(slots=True)
class Alerts:
    """One look for a loop of `service/background.py`. `holder` is this process."""

    desk: PolicyDesk
    ledger: Ledger
    keys: VirtualKeys
    book: AlertBook
    leases: Leases
    telemetry: AlertTelemetry
    clock: Clock
    holder: str
    _watch: Watch | None = None
    _version: str = ""
    _looked: datetime | None = None
    _raised: set[str] = field(default_factory=set)
    _teams: dict[str, str] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Raises StoreUnavailable."""
        rules = self.desk.current
        if rules is not None and await self._mine():
            await self.look(rules)

    async def _mine(self) -> bool:
        return await self.leases.take(_LEASE, self.holder, _LEASE_S)

    async def leave(self) -> None:
        """Let another gateway look from now on. Raises StoreUnavailable."""
        await self.leases.leave(_LEASE, self.holder)

    async def look(self, rules: Rules) -> None:
        """Raise what is to be raised.

        All limits but those per key are looked at under rules that were not looked at yet, and where entries are gone;
        else only what moved, and what an override changed.
        """
        now = self.clock.now()
        if self._watch is None or self._version != rules.version:
            # Of tens of thousands of limits that takes a while, in which requests go on.
            watch, whole = await asyncio.to_thread(Watch, rules.policies), True
        else:
            watch, whole = self._watch, False
        if watch.idle:
            # Reading entries would cost every submit's store a little, for nothing.
            self._watch, self._version, self._looked = watch, rules.version, now
            return
        whole = await self._follow(rules, watch) or whole
        if whole:
            self._raised.clear()
            await self._judge(rules, watch, watch.all(now), now)
        elif self._looked is not None:
            await self._judge(rules, watch, watch.changed(self._looked, now), now)
        self._watch, self._version, self._looked = watch, rules.version, now

    async def _follow(self, rules: Rules, watch: Watch) -> bool:
        """Look at what moved; whether something else may have, of which nothing is left to read."""
        place, gaps = await self.book.place(), False
        while True:
            moved = await self.book.moved(place)
            # Later than anything that these entries tell of, as far as clocks agree.
            now = self.clock.now()
            gaps = gaps or moved.gap
            named = [one for one in map(read_name, moved.accounts) if one is not None]
            await self._learn_teams(one.owner for one in named if watch.needs_key(one))
            await self._judge(rules, watch, self._watched(watch, named, now), now)
            if moved.upto is not None and moved.upto != place:
                await self.book.looked(moved.upto)
            if not moved.more or not await self._mine():
                return gaps
            place = moved.upto

    async def _learn_teams(self, owners: Iterable[str]) -> None:
        """Whose these keys are, which never changes."""
        if len(self._teams) > _REMEMBERED:
            self._teams.clear()
        unknown = sorted({owner for owner in owners if owner not in self._teams})
        for key in await asyncio.gather(*(self.keys.get(owner) for owner in unknown)):
            if key is not None:
                self._teams[key.id] = key.team

    def _watched(self, watch: Watch, named: Iterable[Named], now: datetime) -> Iterator[Watched]:
        for one in named:
            found = watch.account(one, self._teams.get(one.owner), now)
            if found is not None:
                yield found

    async def _judge(self, rules: Rules, watch: Watch, watched: Iterator[Watched], now: datetime) -> None:
        """Raise what the balances of these accounts say, unless it was before."""
        while piece := list(islice(watched, _AT_ONCE)):
            balances = await self.ledger.balances([one.demand.account for one in piece])
            found: list[Alert] = []
            for one, balance in zip(piece, balances, strict=True):
                level = Level(one.team, one.demand, balance)
                found += alerts(one.thresholds, level, watch.organization, watch.calendar, now)
            await self._raise(rules, [alert for alert in found if alert.id not in self._raised])
            await asyncio.sleep(0)

    async def _raise(self, rules: Rules, found: Sequence[Alert]) -> None:
        """In the order in which they were reached, as far as anybody can tell."""
        urls = [rules.policies.alerts_to(alert.level.team) for alert in found]
        raised = await asyncio.gather(*(self.book.put(*each) for each in zip(found, urls, strict=True)))
        if len(self._raised) > _REMEMBERED:
            self._raised.clear()
        for alert, first in zip(found, raised, strict=True):
            self._raised.add(alert.id)
            if first:
                self.telemetry.alerted(alert.owner, alert.level.demand.account.limit, alert.threshold)
                _LOG.warning("a limit has reached a threshold", extra={"fields": document(alert)})
