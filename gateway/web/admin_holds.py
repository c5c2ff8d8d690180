"""The control plane's routes for holds: those that need somebody, and what somebody decides about one."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.core.hold_advice import Doubt, capture_command, void_command
from gateway.core.hold_list import DEFAULT_LIMIT, MOST, HoldsWanted, hold_cursor, read_hold_cursor
from gateway.core.job_page import Listed
from gateway.core.ledger import State
from gateway.core.money import format_usd, parse_usd
from gateway.core.recall import HoldRecord
from gateway.core.role import Power
from gateway.service.hold_desk import Decided, JobTaken, NoSuchHold, NotInDoubt, Signature
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import Instant, Usd, UsdText, Words
from gateway.web.administration import led
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation, Query
from gateway.web.problem import GatewayError


class HoldQuery(Query):
    """`state`, `team`: only these; by default all that may need somebody. `cursor` is one that a page named."""

    state: Literal["in_doubt", "held", "lost"] | None = None
    team: str | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = DEFAULT_LIMIT
    cursor: str | None = None


class VoidBody(Body):
    """Who says so, and why."""

    author: Words
    reason: Words


class CaptureBody(VoidBody):
    """Also the job, and what it cost (a string of USD) if that is not what was held."""

    job: Words
    cost_usd: UsdText | None = None


class Candidate(Document):
    """A job that the hold may have made, and the command that says it did."""

    job: str
    created_at: Instant | None
    capture: str


class Hold(Document):
    """`candidates` and `void` are there for holds in doubt; `candidates` is null where the upstream does not say."""

    id: str
    state: State
    team: str
    key: str
    model: str
    version: str | None
    test: bool
    held_usd: Usd
    cost_usd: Usd | None
    job: str | None
    cause: str | None
    matched: str | None
    created_at: Instant
    deadline: Instant
    request_id: str
    candidates: tuple[Candidate, ...] | None = None
    void: str | None = None


class Holds(Document):
    """Those in doubt first, then those under way, then the lost, the longest first.

    `next_cursor`, if there may be more.
    """

    holds: tuple[Hold, ...]
    next_cursor: str | None


async def list_holds(call: Call[HoldQuery, None]) -> Answer | GatewayError:
    query, desk = call.query, call.control.holds
    after = None if query.cursor is None else read_hold_cursor(query.cursor)
    if query.cursor is not None and after is None:
        return errors.invalid_input("cursor", '"cursor" must be one that a page of this list named.')
    state = None if query.state is None else State(query.state)
    page = await desk.page(HoldsWanted(query.limit, after, state, led(call.by, query.team)))
    more = None if page.following is None else hold_cursor(page.following)
    return Answer(Holds(holds=tuple(map(_doubt, await desk.weighed(page.records))), next_cursor=more))


async def show_hold(call: Call[Nothing, None]) -> Answer | GatewayError:
    shown = await call.control.holds.show(call.names["id"])
    if isinstance(shown, NoSuchHold) or not call.by.sees(shown.record.hold.team):
        return admin_errors.hold_not_found(call.names["id"])
    return Answer(_doubt(shown))


async def capture_hold(call: Call[Nothing, CaptureBody]) -> Answer | GatewayError:
    body = call.body
    cost = None if body.cost_usd is None else parse_usd(body.cost_usd)
    by = Signature(body.author, body.reason)
    return _decided(await call.control.holds.capture(call.names["id"], body.job, cost, by), by)


async def void_hold(call: Call[Nothing, VoidBody]) -> Answer | GatewayError:
    by = Signature(call.body.author, call.body.reason)
    return _decided(await call.control.holds.void(call.names["id"], by), by)


def _decided(decided: Decided, by: Signature) -> Answer | GatewayError:
    match decided:
        case NoSuchHold(hold_id):
            return admin_errors.hold_not_found(hold_id)
        case NotInDoubt(record):
            return admin_errors.hold_not_in_doubt(record)
        case JobTaken(job, owner):
            return admin_errors.job_taken(job, owner)
        case HoldRecord():
            facts = _facts(decided)
            after = {name: facts[name] for name in ("state", "job", "cost_usd")}
            change = Change(decided.hold.id, decided.hold.team, by.reason, {"state": State.IN_DOUBT}, after)
            return Answer(Hold(**facts), change)


def _facts(record: HoldRecord) -> dict[str, Any]:
    hold = record.hold
    return {
        "id": hold.id,
        "state": record.state,
        "team": hold.team,
        "key": hold.key,
        "model": hold.model,
        "version": hold.version,
        "test": hold.test,
        "held_usd": format_usd(hold.amount),
        "cost_usd": None if record.cost is None else format_usd(record.cost),
        "job": record.job,
        "cause": record.cause,
        "matched": record.matched,
        "created_at": instant(hold.created_at),
        "deadline": instant(hold.deadline),
        "request_id": hold.request_id,
    }


def _doubt(doubt: Doubt) -> Hold:
    """With its candidates, and the commands that decide it."""
    facts = _facts(doubt.record)
    if doubt.record.state is not State.IN_DOUBT:
        return Hold(**facts)
    hold_id, jobs = doubt.record.hold.id, doubt.jobs
    candidates = None if jobs is None else tuple(_candidate(hold_id, job) for job in jobs)
    return Hold(**facts, candidates=candidates, void=void_command(hold_id))


def _candidate(hold_id: str, job: Listed) -> Candidate:
    return Candidate(job=job.job, created_at=instant(job.created_at), capture=capture_command(hold_id, job.job))


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/holds", "List holds that may need you", Power.READ_HOLDS, list_holds, Holds, HoldQuery),
    Operation(
        *("GET", "/admin/v1/holds/{id}", "Show a hold", Power.READ_HOLDS, show_hold, Hold),
        errors=("HOLD_NOT_FOUND",),
    ),
    Operation(
        *("POST", "/admin/v1/holds/{id}/capture", "Book a job for a hold", Power.DECIDE_HOLDS, capture_hold, Hold),
        body=CaptureBody,
        errors=("HOLD_NOT_FOUND", "HOLD_NOT_IN_DOUBT", "JOB_TAKEN"),
        action="hold.capture",
    ),
    Operation(
        *("POST", "/admin/v1/holds/{id}/void", "Release a hold", Power.DECIDE_HOLDS, void_hold, Hold),
        body=VoidBody,
        errors=("HOLD_NOT_FOUND", "HOLD_NOT_IN_DOUBT"),
        action="hold.void",
    ),
)
