"""May this principal run this job, and which accounts must have room for how much?

The rule of this file: every limit and every rate that matches is asked of the job. None outranks another, none is
skipped, and an allowance that cannot be checked is not given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from gateway.core.account import Account, AccountScope, Demand, Meter, RateDemand
from gateway.core.admit import Admit
from gateway.core.field_name import fold
from gateway.core.model_glob import matches
from gateway.core.money import MicroUsd
from gateway.core.policy_set import Allow, Limit, PolicySet
from gateway.core.pricing import Quote
from gateway.core.principal import Principal
from gateway.core.rate_card import option_text
from gateway.core.window import Calendar


@dataclass(frozen=True, slots=True)
class TeamUnknown:
    """No file of the policy set names the key's team (any more)."""

    team: str


@dataclass(frozen=True, slots=True)
class ModelNotAllowed:
    """`scope` says whose list leaves the model out: the team's (or the organization's default), or the key's own.

    `allowed` are that list's patterns.
    """

    model: str
    scope: AccountScope
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputNotAllowed:
    """The team may send only the `allowed` options in `field`."""

    field: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CostPerJobExceeded:
    """The job would hold `required` micro-USD, and no job of the team may cost more than `ceiling`."""

    ceiling: MicroUsd
    required: MicroUsd


@dataclass(frozen=True, slots=True)
class Unmetered:
    """`limit` counts seconds, and nothing says how many this model makes."""

    model: str
    limit: str
    scope: AccountScope


Deny: TypeAlias = TeamUnknown | ModelNotAllowed | InputNotAllowed | CostPerJobExceeded | Unmetered

_LEFT_OUT: Final = object()
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def decide(
    policies: PolicySet, principal: Principal, model: str, inputs: Mapping[str, object], quote: Quote, now: datetime
) -> Admit | Deny:
    """Decide one job at `now` (aware). `inputs` is the request's `input`, before defaults are filled in."""
    team = policies.teams.get(principal.team)
    if team is None:
        return TeamUnknown(principal.team)
    if not matches(allowed := policies.models(team.slug), model):
        return ModelNotAllowed(model, AccountScope.TEAM, allowed)
    if principal.key.models and not matches(principal.key.models, model):
        return ModelNotAllowed(model, AccountScope.KEY, principal.key.models)
    limits = policies.limits_on(team.slug, model)
    refused = (
        _input_refused(team.allow, inputs, quote)
        or _too_dear(team.allow, quote)
        or _unmetered(team.allow, limits, model, quote)
    )
    if refused:
        return refused
    return _admit(policies, limits, principal, model, quote, now)


def _admit(
    policies: PolicySet, limits: Iterable[Limit], principal: Principal, model: str, quote: Quote, now: datetime
) -> Admit:
    """What the job must find room for. The same until a window ends or an override begins or ends, so remembered."""
    key = principal.key
    question = (key.team, key.id, key.test, model, quote.hold_amount, *quote.meters.items())
    known = policies.admissions.recall(question, now)
    if known is not None:
        return known
    amounts = _amounts(quote)
    asked = [limit for limit in limits if limit.meter in amounts]
    admit = Admit(_demands(policies, asked, principal, amounts, now), _rates(policies, principal))
    return policies.admissions.keep(question, admit, now, lasts_until(asked, admit.demands, now))


def lasts_until(limits: Iterable[Limit], demands: Iterable[Demand], now: datetime) -> datetime:
    """The first instant from which on the demands might be others."""
    windows = [demand.resets_at for demand in demands if demand.resets_at is not None]
    overrides = [edge for limit in limits for one in limit.overrides for edge in (one.starts_at, one.ends_at)]
    return min((edge for edge in (*windows, *overrides) if edge > now), default=_NEVER)


def applied_limits(policies: PolicySet, principal: Principal, now: datetime) -> tuple[Demand, ...]:
    """Every limit a job of this principal may meet at `now` (aware), as demands of 0; none for an unknown team."""
    if principal.team not in policies.teams:
        return ()
    return _demands(policies, policies.limits(principal.team), principal, dict.fromkeys(Meter, 0), now)


def demand(limit: Limit, owner: str, amount: int, calendar: Calendar, now: datetime, *, test: bool = False) -> Demand:
    """What `limit` asks at `now` (aware) of `owner`: the organization's or team's slug, or a key's id."""
    kind = limit.window
    if kind is None:
        account = Account(limit.scope, owner, limit.name, limit.meter, "", test)
        return Demand(account, amount, limit.ceiling_at(now), limit.enforced, "", None)
    window = calendar.containing(kind, now)
    account = Account(limit.scope, owner, limit.name, limit.meter, window.label, test)
    return Demand(account, amount, limit.ceiling_at(now), limit.enforced, kind, window.ends_at)


def _demands(
    policies: PolicySet, limits: Iterable[Limit], principal: Principal, amounts: Mapping[Meter, int], now: datetime
) -> tuple[Demand, ...]:
    key, calendar = principal.key, policies.organization.calendar
    owners = policies.owners(key.team, key.id)
    return tuple(
        [demand(limit, owners[limit.scope], amounts[limit.meter], calendar, now, test=key.test) for limit in limits]
    )


def _amounts(quote: Quote) -> Mapping[Meter, int]:
    """What the job counts on every meter it feeds."""
    return {Meter.USD: quote.hold_amount, Meter.JOBS: 1, Meter.IN_FLIGHT: 1, **quote.meters}


def _rates(policies: PolicySet, principal: Principal) -> tuple[RateDemand, ...]:
    key = principal.key
    owners = policies.owners(key.team, key.id)
    return tuple(
        [
            RateDemand(rate.name, rate.scope, owners[rate.scope], rate.interval_us, rate.burst, key.test)
            for rate in policies.rates(key.team)
        ]
    )


def _input_refused(allow: Allow, inputs: Mapping[str, object], quote: Quote) -> InputNotAllowed | None:
    """What is sent and what is priced must both be allowed: only the price knows of nested fields and of media."""
    if not allow.input:
        return None
    for name in inputs:
        if name not in allow.input and (meant := allow.look_alikes.get(fold(name))) is not None:
            return InputNotAllowed(meant, allow.input[meant])
    priced = {factor.field: factor.value for factor in quote.factors}
    for name, allowed in allow.input.items():
        sent = inputs[name] if name in inputs else quote.pinned.get(name, _LEFT_OUT)
        if not _option_allowed(sent, allowed) or (name in priced and priced[name] not in allowed):
            return InputNotAllowed(name, allowed)
    return None


def _option_allowed(sent: object, allowed: tuple[str, ...]) -> bool:
    return sent is _LEFT_OUT or (isinstance(sent, str | int) and option_text(sent) in allowed)


def _too_dear(allow: Allow, quote: Quote) -> CostPerJobExceeded | None:
    if allow.cost_per_job is None or quote.hold_amount <= allow.cost_per_job:
        return None
    return CostPerJobExceeded(allow.cost_per_job, quote.hold_amount)


def _unmetered(allow: Allow, limits: Iterable[Limit], model: str, quote: Quote) -> Unmetered | None:
    """Whatever makes neither seconds nor images that we can count could make any number of them."""
    if allow.unmetered or quote.meters:
        return None
    for limit in limits:
        if limit.meter is Meter.SECONDS and limit.enforced:
            return Unmetered(model, limit.name, limit.scope)
    return None
