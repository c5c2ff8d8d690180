"""What a key may spend, and what one job would cost and meet: the same decisions as a submit's, spending nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.account import Balance, Demand
from gateway.core.admit import Admit
from gateway.core.job import JobRequest, Malformed
from gateway.core.model_glob import matches
from gateway.core.nearest import WouldPass
from gateway.core.plan import read_job
from gateway.core.policy import Deny, applied_limits, decide
from gateway.core.pricing import InputRefused, PriceUnknown, Quote
from gateway.core.principal import Principal
from gateway.core.rate_card import ModelPrice
from gateway.core.refusal import Judged, Refusal, judged, refusal
from gateway.core.webhook_address import AllowedHost, BadAddress
from gateway.ports import Clock, Ledger
from gateway.service.nearest import Nearest
from gateway.service.policy_desk import PolicyDesk


@dataclass(frozen=True, slots=True)
class Standings:
    """Every limit of a principal as it stands at `as_of` (UTC), and the models it may run."""

    as_of: datetime
    limits: tuple[tuple[Demand, Balance], ...]
    models: tuple[ModelPrice, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """One job priced and held against every limit at `as_of` (UTC), without being held.

    `refusal` is the one that a submit would get, if any, and `would_pass` what would be admitted instead.
    """

    as_of: datetime
    quote: Quote
    limits: tuple[Judged, ...]
    refusal: Refusal | None
    would_pass: tuple[WouldPass, ...] = ()

    @property
    def admitted(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Denied:
    """One job that the policy does not allow, whatever was spent, and what it would allow instead."""

    deny: Deny
    would_pass: tuple[WouldPass, ...]


@dataclass(frozen=True, slots=True)
class NoPolicies:
    """No policy version could be read yet."""


@dataclass(frozen=True, slots=True)
class Previews:
    """The use case and what it works with. Both methods raise StoreUnavailable."""

    desk: PolicyDesk
    ledger: Ledger
    nearest: Nearest
    clock: Clock
    webhook_hosts: Sequence[AllowedHost] = ()

    async def standings(self, principal: Principal) -> Standings | NoPolicies:
        now, rules = self.clock.now(), self.desk.current
        if rules is None:
            return NoPolicies()
        applied = applied_limits(rules.policies, principal, now)
        balances = await self.ledger.balances([demand.account for demand in applied])
        allowed = rules.policies.models(principal.team) if principal.team in rules.policies.teams else ()
        models = tuple(
            price
            for slug, price in rules.prices.models(now).items()
            if matches(allowed, slug) and (not principal.key.models or matches(principal.key.models, slug))
        )
        return Standings(now, tuple(zip(applied, balances, strict=True)), models)

    async def quote(
        self, principal: Principal, body: bytes
    ) -> Preview | Malformed | BadAddress | PriceUnknown | InputRefused | Denied | NoPolicies:
        now, rules = self.clock.now(), self.desk.current
        if rules is None:
            return NoPolicies()
        job = read_job(body, self.webhook_hosts)
        if not isinstance(job, JobRequest):
            return job
        quote = rules.prices.quote(job.model, job.version, job.input, now)
        if not isinstance(quote, Quote):
            return quote
        decision = decide(rules.policies, principal, job.model, job.input, quote, now)
        if not isinstance(decision, Admit):
            return Denied(decision, await self.nearest.find(job, principal, rules, (), now))
        balances = await self.ledger.balances([demand.account for demand in decision.demands])
        limits, refused = judged(decision.demands, balances), refusal(decision.demands, balances)
        would_pass = () if refused is None else await self.nearest.find(job, principal, rules, limits, now)
        return Preview(now, quote, limits, refused, would_pass)
