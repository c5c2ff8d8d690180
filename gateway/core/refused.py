"""A submission that a rule of ours refused, as it is kept: who asked for what, what it would have cost, what stood in
the way.

The rule of this file: it holds what can be decided again and what is charged back, and nothing of what was to be made:
of the input only the fields that have a price.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.core.account import AccountScope
from gateway.core.admission import OverRate
from gateway.core.job import JobRequest
from gateway.core.money import MicroUsd
from gateway.core.outcome import Submission, label
from gateway.core.plan import Rules
from gateway.core.policy import CostPerJobExceeded, InputNotAllowed, ModelNotAllowed, Unmetered
from gateway.core.pricing import PriceUnknown, Quote
from gateway.core.principal import Principal
from gateway.core.refusal import LimitCode, Refusal

# What is refused by a rule of ours that somebody wrote.
KEPT: Final = frozenset(
    (Refusal, OverRate, ModelNotAllowed, InputNotAllowed, Unmetered, CostPerJobExceeded, PriceUnknown)
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COST_PER_JOB: Final = "cost_per_job"


@dataclass(frozen=True, slots=True)
class Refused:
    """`at` is microseconds since 1970; `amount` what would have been held, None where there is no price. `after` is the
    number of the last entry before the store refused it, None where nothing that it knows stood in the way.

    `code` is the error that was answered, `limit` and `scope` name what refused, where that has a name; `inputs` are
    the priced fields with the option that was asked for, or defaulted.
    """

    id: str
    at: int
    request_id: str
    organization: str
    team: str
    key: str
    test: bool
    model: str
    version: str | None
    amount: MicroUsd | None
    outcome: str
    code: str
    limit: str | None
    scope: str | None
    policy: str
    rate_card: str | None
    inputs: Mapping[str, str]
    after: int | None = None


_FIELDS: Final = tuple(one.name for one in fields(Refused))


@dataclass(frozen=True, slots=True)
class Why:
    """The error that is answered, and the name and scope of what refused, where it has one."""

    code: str
    limit: str | None = None
    scope: str | None = None


def refused(
    refusal_id: str,
    job: JobRequest,
    principal: Principal,
    rules: Rules,
    submission: Submission,
    request_id: str,
    now: datetime,
) -> Refused | None:
    """What to keep of a submission that was decided at `now` (UTC); None unless one of our rules refused it."""
    because = why(submission)
    if because is None:
        return None
    quote = rules.prices.quote(job.model, job.version, job.input, now)
    priced = quote if isinstance(quote, Quote) else None
    return Refused(
        id=refusal_id,
        at=(now - _EPOCH) // timedelta(microseconds=1),
        request_id=request_id,
        organization=principal.organization,
        team=principal.team,
        key=principal.key.id,
        test=principal.key.test,
        model=job.model,
        version=job.version,
        amount=priced.hold_amount if priced else None,
        outcome=label(submission),
        code=because.code,
        limit=because.limit,
        scope=because.scope,
        policy=rules.version,
        rate_card=priced.rate_card if priced else None,
        inputs={factor.field: factor.value for factor in priced.factors} if priced else {},
        after=submission.after if isinstance(submission, Refusal | OverRate) else None,
    )


def why(submission: Submission) -> Why | None:
    """Why one of our rules refused it; None of what none of them refused."""
    match submission:
        case Refusal(named):
            return Why(named.code, named.demand.account.limit, named.demand.account.scope)
        case OverRate(rate=rate):
            return Why("RATE_LIMITED", rate.name, rate.scope)
        case ModelNotAllowed(_, scope):
            return Why("MODEL_ACCESS_DENIED", scope=scope)
        case InputNotAllowed():
            return Why("MODEL_ACCESS_DENIED", scope=AccountScope.TEAM)
        case Unmetered(_, limit, scope):
            return Why("MODEL_ACCESS_DENIED", limit, scope)
        case CostPerJobExceeded():
            return Why(LimitCode.REQUEST_EXCEEDS_LIMIT, _COST_PER_JOB, AccountScope.TEAM)
        case PriceUnknown():
            return Why("PRICE_UNKNOWN")
        case _:
            return None


def encode_refused(one: Refused) -> str:
    return json.dumps(asdict(one))


def decode_refused(text: str | bytes) -> Refused:
    """What a newer version adds is left out. Raises ValueError, TypeError for what is not one."""
    said = json.loads(text)
    return Refused(**{name: said[name] for name in _FIELDS if name in said})
