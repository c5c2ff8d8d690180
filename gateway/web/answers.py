"""What the client is answered: the upstream's own bytes, or an error of ours."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from gateway.core.account import tightest
from gateway.core.money import MicroUsd, format_usd
from gateway.core.nearest import WouldPass
from gateway.core.outcome import Charged, Holding, InDoubt, StoreDown, Submission, TurnedDown, Unsent
from gateway.core.recall import Replayed
from gateway.core.reply import Reply
from gateway.ports import Unanswered
from gateway.service.job_desk import NoSuchJob
from gateway.service.passage import NoSuchUpload
from gateway.web import errors, headers
from gateway.web.limit_rows import instant
from gateway.web.problem import GatewayError
from gateway.web.refusals import error_of
from gateway.web.told import Told

Answer: TypeAlias = Told | GatewayError


def answer(submission: Submission, contact: str | None, now: datetime, would_pass: Sequence[WouldPass] = ()) -> Answer:
    """`contact` is whom the team asks about its limits; `now` (UTC) is when the submit arrived.

    `would_pass` is what would have been admitted instead.
    """
    match submission:
        case Charged(holding, reply, _, cost):
            return passed_on(reply, _money_headers(holding, cost))
        case Replayed(hold, reply, cost):
            own = {headers.COST_USD: format_usd(cost), headers.HOLD_ID: hold.id, headers.REPLAY: "true"}
            return passed_on(reply, own)
        case TurnedDown(holding, reply):
            return passed_on(reply, {headers.HOLD_ID: holding.hold.id})
        case InDoubt(holding, _, Reply() as reply):
            told = passed_on(reply, {**errors.NO_RETRY, **_money_headers(holding, holding.hold.amount)})
            # The upstream's advice to try again would make a second job of one that may run already.
            told.headers.pop("Retry-After", None)
            return told
        case InDoubt(holding):
            return _with_headers(errors.outcome_unknown(holding.hold.id), _money_headers(holding, holding.hold.amount))
        case Unsent(holding):
            return errors.upstream_unreachable(holding.hold.id)
        case _:
            return error_of(submission, contact, now, would_pass)


def passed_answer(found: Reply | NoSuchJob | NoSuchUpload | StoreDown | Unanswered) -> Answer:
    """The answer to anything but a submit: the upstream's own bytes, or why there are none."""
    match found:
        case Reply():
            return passed_on(found, {})
        case NoSuchJob():
            return errors.job_not_found()
        case NoSuchUpload():
            return errors.not_found()
        case StoreDown():
            return errors.owner_unknown()
        case Unanswered():
            return unanswered(found)
        case _:
            assert_never(found)


def unanswered(nothing: Unanswered) -> GatewayError:
    return errors.overloaded() if nothing.busy else errors.upstream_silent()


def passed_on(reply: Reply, own: dict[str, str]) -> Told:
    """The upstream's status and bytes, with the headers of its that may pass, and ours."""
    passed = headers.client_headers(reply.headers)
    passed.update(own)
    if reply.status >= 400:
        passed[headers.ERROR_SOURCE] = "upstream"
    return Told(reply.status, passed, reply.body)


def _money_headers(holding: Holding, cost: MicroUsd) -> dict[str, str]:
    told = {headers.COST_USD: format_usd(cost), headers.HOLD_ID: holding.hold.id}
    standing = tightest(holding.demands, holding.balances)
    if standing is not None:
        told[headers.LIMIT] = standing.demand.account.limit
        told[headers.HEADROOM_USD] = format_usd(standing.headroom)
        if (resets_at := instant(standing.demand.resets_at)) is not None:
            told[headers.RESETS_AT] = resets_at
    return told


def _with_headers(error: GatewayError, own: dict[str, str]) -> GatewayError:
    return GatewayError(
        error.status, error.code, error.message, error.details, {**error.headers, **own}, error.retry_after
    )
