"""The control plane's routes for holds: those that need somebody, and what somebody decides about one."""

from typing import Final

from aiohttp import web

from gateway.core.hold_advice import Doubt, capture_command, void_command
from gateway.core.job_page import Listed
from gateway.core.ledger import State
from gateway.core.money import format_usd, parse_usd
from gateway.core.recall import HoldRecord
from gateway.service.hold_desk import Decided, JobTaken, NoSuchHold, NotInDoubt, Signature
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import CaptureBody, VoidBody
from gateway.web.administration import Answer, Control, audit, read_body_of
from gateway.web.limit_rows import instant
from gateway.web.problem import GatewayError

_LISTED: Final = {str(state): state for state in (State.IN_DOUBT, State.HELD, State.LOST)}
_LIMIT: Final = 1000


async def list_holds(request: web.Request, control: Control) -> Answer:
    """By default all that may need somebody, the longest in doubt first."""
    wanted = request.query.get("state")
    if set(request.query) - {"state"} or (wanted is not None and wanted not in _LISTED):
        return errors.invalid_request(f'The only parameter here is "state": {", ".join(_LISTED)}.')
    documents: list[dict[str, object]] = []
    for name, state in _LISTED.items():
        if wanted in (None, name):
            documents += await _listed(control, state)
    return web.json_response({"holds": documents})


async def _listed(control: Control, state: State) -> list[dict[str, object]]:
    if state is State.IN_DOUBT:
        return [_doubt(doubt) for doubt in await control.holds.doubts(_LIMIT)]
    return [_document(record) for record in await control.holds.list(state, _LIMIT)]


async def show_hold(request: web.Request, control: Control) -> Answer:
    shown = await control.holds.show(request.match_info["id"])
    return admin_errors.hold_not_found(shown.id) if isinstance(shown, NoSuchHold) else web.json_response(_doubt(shown))


async def capture_hold(request: web.Request, control: Control) -> Answer:
    body = await read_body_of(CaptureBody, request)
    if isinstance(body, GatewayError):
        return body
    cost = None if body.cost_usd is None else parse_usd(body.cost_usd)
    by = Signature(body.author, body.reason)
    decided = await control.holds.capture(request.match_info["id"], body.job, cost, by)
    return _answered(request, "hold captured", decided, by)


async def void_hold(request: web.Request, control: Control) -> Answer:
    body = await read_body_of(VoidBody, request)
    if isinstance(body, GatewayError):
        return body
    by = Signature(body.author, body.reason)
    return _answered(request, "hold voided", await control.holds.void(request.match_info["id"], by), by)


def _answered(request: web.Request, action: str, decided: Decided, by: Signature) -> Answer:
    match decided:
        case NoSuchHold(hold_id):
            return admin_errors.hold_not_found(hold_id)
        case NotInDoubt(record):
            return admin_errors.hold_not_in_doubt(record)
        case JobTaken(job, owner):
            return admin_errors.job_taken(job, owner)
        case HoldRecord():
            audit(request, action, hold=decided.hold.id, job=decided.job, **by.facts)
            return web.json_response(_document(decided))


def _document(record: HoldRecord) -> dict[str, object]:
    hold = record.hold
    return {
        "id": hold.id,
        "state": str(record.state),
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


def _doubt(doubt: Doubt) -> dict[str, object]:
    """With its candidates, and the commands that decide it."""
    document = _document(doubt.record)
    if doubt.record.state is not State.IN_DOUBT:
        return document
    hold_id, jobs = doubt.record.hold.id, doubt.jobs
    document["candidates"] = None if jobs is None else [_candidate(hold_id, job) for job in jobs]
    document["void"] = void_command(hold_id)
    return document


def _candidate(hold_id: str, job: Listed) -> dict[str, object]:
    return {"job": job.job, "created_at": instant(job.created_at), "capture": capture_command(hold_id, job.job)}
