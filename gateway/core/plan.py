"""A submission decided: parsed, priced, measured against policy, and written as the hold and the bytes to send.

The rule of this file: it is pure. Given the same request, rules, instant and ids it plans the same, so a submission
whose rules turn out stale is simply planned again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from gateway.core.admission import Admission
from gateway.core.admit import Admit
from gateway.core.idempotency import Idempotency
from gateway.core.job import JobRequest, Malformed, SealBroken, Sealed, parse, seal
from gateway.core.ledger import Hold
from gateway.core.outcome import Broken
from gateway.core.policy import Deny, decide
from gateway.core.policy_set import PolicySet
from gateway.core.pricing import InputRefused, PriceBook, PriceUnknown, Quote
from gateway.core.principal import Principal
from gateway.core.value import value
from gateway.core.webhook_address import AllowedHost, BadAddress, check


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a submission is decided by, as of one policy version."""

    version: str
    policies: PolicySet
    prices: PriceBook


@value
class Ids:
    """Made once per request: the hold's id, this attempt's, the request's, who may send it, and the client's key.

    `relay` is where the upstream tells us of the job's end, if it is told such an address.
    """

    hold: str
    attempt: str
    request: str
    sender: str
    idempotency: Idempotency | None
    relay: str | None = None


@value
class Plan:
    """What to hold and what to send."""

    admission: Admission
    sealed: Sealed


Unplanned: TypeAlias = PriceUnknown | InputRefused | Deny | Broken


def read_job(body: bytes, webhook_hosts: Sequence[AllowedHost]) -> JobRequest | Malformed | BadAddress:
    """The job in a body, if its webhook address is one that may be called."""
    job = parse(body)
    if isinstance(job, Malformed) or job.webhook_url is None:
        return job
    return check(job.webhook_url, webhook_hosts) or job


def plan(
    job: JobRequest, principal: Principal, rules: Rules, ids: Ids, now: datetime, patience: timedelta
) -> Plan | Unplanned:
    """Decide one submission at `now` (UTC). `patience` is how long the upstream has to answer."""
    quote = rules.prices.quote(job.model, job.version, job.input, now)
    if not isinstance(quote, Quote):
        return quote
    decision = decide(rules.policies, principal, job.model, job.input, quote, now)
    if not isinstance(decision, Admit):
        return decision
    sealed = seal(job, quote, rules.prices, now, ids.relay)
    if isinstance(sealed, SealBroken):
        return Broken(sealed.reason)
    hold = Hold(
        id=ids.hold,
        attempt=ids.attempt,
        organization=principal.organization,
        team=principal.team,
        key=principal.key.id,
        model=quote.model,
        version=quote.version,
        amount=quote.hold_amount,
        quoted=quote.amount,
        factors=quote.factors,
        rate_card=quote.rate_card,
        policy=rules.version,
        key_revision=principal.key.revision,
        charges=decision.charges,
        digest=sealed.digest,
        request_id=ids.request,
        created_at=now,
        deadline=now + patience,
        test=principal.key.test,
        sender=ids.sender,
        idempotency=ids.idempotency,
        relay_to=None if ids.relay is None else job.webhook_url,
        relayed=ids.relay is not None,
    )
    return Plan(Admission(hold, decision.demands, decision.rates), sealed)
