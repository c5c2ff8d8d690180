"""What a client could send instead of what was refused, told along with the refusal.

The rule of this file: it is advice, and it costs little. A refused submit already knows the balances it met; those of
the other limits of its key, and the prices that are closed, are good for a moment however many are refused meanwhile.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway.core.account import Account, Balance
from gateway.core.job import JobRequest
from gateway.core.nearest import Standing, WouldPass, nearest, question
from gateway.core.plan import Rules
from gateway.core.policy import CostPerJobExceeded, InputNotAllowed, ModelNotAllowed, Unmetered, applied_limits
from gateway.core.principal import Principal
from gateway.core.refusal import Judged, Refusal
from gateway.ports import Clock, ClosedPrices, Ledger, StoreUnavailable
from gateway.service.submit import Submitted

_FRESH_S: Final = 1.0
_REMEMBERED: Final = 1000
_MENDABLE: Final = (Refusal, ModelNotAllowed, InputNotAllowed, CostPerJobExceeded, Unmetered)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found, and all that it was found from beside the job itself."""

    rules: Rules
    standing: Standing
    matched: Sequence[Judged]
    would_pass: tuple[WouldPass, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The use case and what it works with."""

    ledger: Ledger
    closed_prices: ClosedPrices
    clock: Clock
    _known: dict[str, tuple[float, Standing]] = field(default_factory=dict)
    _found: dict[Hashable, _Found] = field(default_factory=dict)

    async def __call__(self, submitted: Submitted, job: JobRequest, principal: Principal, rules: Rules) -> Submitted:
        """The same, with what would pass instead, where another input or another model would."""
        refused = submitted.submission
        if not isinstance(refused, _MENDABLE):
            return submitted
        matched = refused.matched if isinstance(refused, Refusal) else ()
        try:
            found = await self.find(job, principal, rules, matched, self.clock.now())
        except StoreUnavailable:
            return submitted
        return replace(submitted, would_pass=found)

    async def find(
        self, job: JobRequest, principal: Principal, rules: Rules, matched: Sequence[Judged], now: datetime
    ) -> tuple[WouldPass, ...]:
        """What would pass at `now` instead of a job that met these balances. Raises StoreUnavailable."""
        known = await self._standing(principal, rules, now)
        asked = question(job, principal, rules, now)
        before = self._found.get(asked)
        if before is not None and before.standing is known and before.rules is rules and before.matched == matched:
            return before.would_pass
        met: dict[Account, Balance] = {demand.account: balance for demand, balance, _ in matched}
        found = nearest(job, principal, rules, Standing({**known.balances, **met}, known.closed), now)
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[asked] = _Found(rules, known, tuple(matched), found)
        return found

    async def _standing(self, principal: Principal, rules: Rules, now: datetime) -> Standing:
        tick, known = self.clock.monotonic(), self._known.get(principal.key.id)
        if known is not None and tick - known[0] < _FRESH_S:
            return known[1]
        accounts = [demand.account for demand in applied_limits(rules.policies, principal, now)]
        balances = await self.ledger.balances(accounts)
        closed = [price.model for price in await self.closed_prices.all() if price.test == principal.key.test]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        standing = Standing(dict(zip(accounts, balances, strict=True)), frozenset(closed))
        self._known[principal.key.id] = (tick, standing)
        return standing
