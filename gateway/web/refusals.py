"""Everything that keeps a submit from being held, as the error a client reads.

The rule of this file: a refusal by a limit shows that limit, its numbers and the next step.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from gateway.core.account import AccountScope, Meter
from gateway.core.admission import OverRate
from gateway.core.job import Malformed
from gateway.core.ledger import State
from gateway.core.nearest import WouldPass
from gateway.core.outcome import Broken, NotHeld, Overloaded, StoreDown
from gateway.core.policy import CostPerJobExceeded, InputNotAllowed, ModelNotAllowed, TeamUnknown, Unmetered
from gateway.core.pricing import InputRefused, PriceUnknown
from gateway.core.principal import KeyFault, KeyRefused
from gateway.core.recall import Repeated
from gateway.core.refusal import Failure, LimitCode, Refusal
from gateway.core.webhook_address import BadAddress
from gateway.web import errors
from gateway.web.limit_rows import amount, demand_row, instant, told
from gateway.web.problem import GatewayError
from gateway.web.suggestions import suggesting


def error_of(
    refused: NotHeld, contact: str | None, now: datetime, would_pass: Sequence[WouldPass] = ()
) -> GatewayError:
    """The error for a submit that held nothing. `contact` is whom the team asks about its limits.

    `would_pass` is what would have been admitted instead.
    """
    match refused:
        case KeyRefused():
            return key_error(refused)
        case Malformed() | InputRefused() | BadAddress() | PriceUnknown():
            return input_error(refused)
        case TeamUnknown():
            return errors.key_inactive()
        case ModelNotAllowed() | InputNotAllowed() | CostPerJobExceeded() | Unmetered():
            return suggesting(denial(refused), would_pass)
        case Refusal():
            return suggesting(limit_error(refused, contact, now), would_pass)
        case OverRate():
            return _rate_error(refused)
        case Repeated():
            return _repeated_error(refused)
        case Overloaded() | StoreDown() | Broken():
            return _trouble(refused)
        case _:
            assert_never(refused)


def input_error(wrong: Malformed | InputRefused | BadAddress | PriceUnknown) -> GatewayError:
    """The error for a body that says nothing we could run."""
    match wrong:
        case Malformed(field, message):
            return errors.invalid_input(field, message)
        case InputRefused(field, message, options):
            return errors.invalid_input(field, message, options)
        case BadAddress(message):
            return errors.invalid_webhook(message)
        case PriceUnknown(model, version, closed):
            return errors.price_closed(model, version) if closed else errors.price_unknown(model, version)
        case _:
            assert_never(wrong)


def key_error(refused: KeyRefused) -> GatewayError:
    """The error for a key that is known and may not do this."""
    match refused.fault:
        case KeyFault.REVOKED | KeyFault.TEAM_REMOVED:
            return errors.key_inactive()
        case KeyFault.EXPIRED:
            return errors.key_expired()
        case KeyFault.REPLACED:
            return errors.key_invalid()
        case KeyFault.ADDRESS:
            return errors.address_not_allowed()
        case KeyFault.SCOPE:
            return errors.scope_missing(refused.missing or "")
        case _:
            assert_never(refused.fault)


def denial(deny: ModelNotAllowed | InputNotAllowed | CostPerJobExceeded | Unmetered) -> GatewayError:
    """The error for what the policy does not allow, whatever has been spent."""
    match deny:
        case ModelNotAllowed(model, scope, allowed):
            message = f'"{model}" is not among the models of this {scope}. Ask for it to be added, or use another.'
            return errors.not_allowed(message, {"model": model, "scope": scope, "models": list(allowed)})
        case InputNotAllowed(field, allowed):
            listed = ", ".join(f'"{option}"' for option in allowed)
            message = f'This team may send only {listed} in "{field}".'
            return errors.not_allowed(message, {"field": field, "options": list(allowed)})
        case CostPerJobExceeded(ceiling, required):
            return _too_dear(ceiling, required)
        case Unmetered(model, limit, scope):
            message = f'"{model}" does not say how many seconds it makes, which the limit "{limit}" has to count.'
            return errors.not_allowed(message, {"model": model, "limit": limit, "scope": scope})
        case _:
            assert_never(deny)


def _too_dear(ceiling: int, required: int) -> GatewayError:
    message = (
        f"This job costs {told(Meter.USD, required)}, and one job of this team may cost {told(Meter.USD, ceiling)}."
    )
    figures = {"meter": Meter.USD, "ceiling": amount(Meter.USD, ceiling), "required": amount(Meter.USD, required)}
    return errors.exceeds_limit(message, {"limit": "cost_per_job", "scope": AccountScope.TEAM, **figures})


def limit_error(refusal: Refusal, contact: str | None, now: datetime) -> GatewayError:
    """The error for a job that does not fit below its limits; `refusal.named` gives it its code."""
    named = refusal.named
    owner = None if named.demand.account.scope is AccountScope.ORGANIZATION else contact
    failed = [demand_row(one.demand, one.balance, one.verdict) for one in refusal.failed]
    matched = [demand_row(*one) for one in refusal.matched]
    row = demand_row(named.demand, named.balance, named.verdict)
    details = {"limit": row.pop("name"), **row, "owner": owner, "failed": failed, "matched": matched}
    message = f"{_sentence(named)} {_next_step(named, owner)}"
    wait = refusal.retry_after(now)
    match named.code:
        case LimitCode.REQUEST_EXCEEDS_LIMIT:
            return errors.exceeds_limit(message, details)
        case LimitCode.BUDGET_EXCEEDED:
            return errors.budget_exceeded(message, details)
        case LimitCode.BUDGET_HELD:
            return errors.budget_held(message, details, wait)
        case LimitCode.QUOTA_EXCEEDED:
            return errors.quota_exceeded(message, details, wait)
        case LimitCode.CONCURRENT_JOBS_EXCEEDED:
            return errors.too_many_in_flight(message, details, wait)
        case _:
            assert_never(named.code)


def _sentence(failure: Failure) -> str:
    demand, account = failure.demand, failure.demand.account
    ceiling, posted, held, required = (
        told(account.meter, one)
        for one in (demand.ceiling, failure.balance.posted, failure.balance.held, demand.amount)
    )
    per = f" per {demand.window}" if demand.window and demand.window != "total" else ""
    stands = f"{posted} posted, {held} held, {required} required"
    return f'The limit "{account.limit}" of {account.scope} "{account.owner}" is {ceiling}{per}: {stands}.'


def _next_step(failure: Failure, owner: str | None) -> str:
    ask = f"ask {owner} for more" if owner else "ask for a higher limit"
    resets_at = instant(failure.demand.resets_at)
    match failure.code:
        case LimitCode.REQUEST_EXCEEDS_LIMIT:
            return f"This job can never fit; make it smaller or {ask}."
        case LimitCode.BUDGET_HELD:
            return "It may fit once the submits in progress are settled; try again in a minute."
        case LimitCode.CONCURRENT_JOBS_EXCEEDED:
            return f"Wait for a running job to end, or {ask}."
        case LimitCode.BUDGET_EXCEEDED | LimitCode.QUOTA_EXCEEDED:
            return f"Wait until it resets at {resets_at}, or {ask}." if resets_at else f"It never resets; {ask}."
        case _:
            assert_never(failure.code)


def _rate_error(refused: OverRate) -> GatewayError:
    rate, wait = refused.rate, max(1, -(-refused.retry_after_us // 1_000_000))
    message = f'Requests come faster than the rate "{rate.name}" of this {rate.scope} allows. Wait {wait} s.'
    return errors.rate_limited(message, {"limit": rate.name, "scope": rate.scope, "meter": "requests"}, wait)


def _repeated_error(repeated: Repeated) -> GatewayError:
    if not repeated.same_body:
        return errors.idempotency_mismatch()
    if repeated.state is State.IN_DOUBT:
        return errors.submit_in_doubt(repeated.hold)
    return errors.submit_in_progress(repeated.hold)


def _trouble(ours: Overloaded | StoreDown | Broken) -> GatewayError:
    match ours:
        case Overloaded():
            return errors.overloaded()
        case StoreDown():
            return errors.store_unavailable()
        case Broken():
            return errors.internal_error()
        case _:
            assert_never(ours)
