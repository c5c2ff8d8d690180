"""What a key may spend, and what one job would cost and meet: the same decisions as a submit's, spending nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.account import Balance, Demand
from gateway.core.admit import Admit
from gateway.core.job import JobRequest, Malformed
from gateway.core.model_glob import matches
from gateway.core.plan import read_job
from gateway.core.policy import Deny, applied_limits, decide
from gateway.core.pricing import InputRefused, PriceUnknown, Quote
from gateway.core.principal import Principal
from gateway.core.rate_card import ModelPrice
from gateway.core.refusal import Verdict, classify, refusal
from gateway.core.webhook_address import AllowedHost, BadAddress
from gateway.ports import Clock, Ledger
from gateway.service.policy_desk import PolicyDesk


@dataclass(frozen=True, slots=True)
class Standings:
    """Every limit of a principal as it stands at `as_of` (UTC), and the models it may run."""

    as_of: datetime
    limits: tuple[tuple[Demand, Balance], ...]
    models: tuple[ModelPrice, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """One job priced and held against every limit at `as_of` (UTC), without being held."""

    as_of: datetime
    quote: Quote
    admitted: bool
    limits: tuple[tuple[Demand, Balance, Verdict], ...]


@dataclass(frozen=True, slots=True)
class NoPolicies:
    """No policy version could be read yet."""


@dataclass(frozen=True, slots=True)
class Previews:
    """The use case and what it works with. Both methods raise StoreUnavailable."""

    desk: PolicyDesk
    ledger: Ledger
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
    ) -> Preview | Malformed | BadAddress | PriceUnknown | InputRefused | Deny | NoPolicies:
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
            return decision
        balances = await self.ledger.balances([demand.account for demand in decision.demands])
        judged = tuple(
            (demand, balance, classify(demand, balance))
            for demand, balance in zip(decision.demands, balances, strict=True)
        )
        return Preview(now, quote, refusal(decision.demands, balances) is None, judged)
