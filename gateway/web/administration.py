"""How an operation of the control plane is answered: who may, what was asked, what it comes to, what is kept of it.

The rule of this file: nobody is told what they may not know, and nothing changes without a record of who asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_origin

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from gateway.core.audit_record import Done
from gateway.core.field_name import shown
from gateway.core.role import Administrator
from gateway.core.strict_json import Unreadable, read_object
from gateway.ports import ArchiveRefused, ArchiveUnavailable, Clock, ClosedPrices, StoreUnavailable
from gateway.ports.administration import AuditRecords, Drifts, Repeats
from gateway.ports.alerts import AlertBook
from gateway.ports.keys import KeyIndex
from gateway.service.administrators import Administrators
from gateway.service.audit_trail import AuditTrail
from gateway.service.deliver import Events
from gateway.service.doctor import Doctor
from gateway.service.effective import Effective
from gateway.service.hold_desk import HoldDesk
from gateway.service.job_story import JobStories
from gateway.service.key_usages import KeyUsages
from gateway.service.keyring import Keyring
from gateway.service.policy_desk import PolicyDesk
from gateway.service.policy_plan import Planner
from gateway.service.team_secrets import TeamSecrets
from gateway.service.teams import Teams
from gateway.web import admin_errors, errors, headers
from gateway.web.auth import presented
from gateway.web.body import continue_later, read_body
from gateway.web.edge import REQUEST_ID, answer
from gateway.web.operation import Answer, Body, Call, Operation
from gateway.web.problem import GatewayError
from gateway.web.repeats import HEADER, Again, once

# Price files of a few hundred models are about a hundred kilobytes.
_MAX_BODY: Final = 16 * 1024**2
_BODY_SECONDS: Final = 30.0
_NOT_YET: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Control:
    """What the control plane works with."""

    administrators: Administrators
    trail: AuditTrail
    repeats: Repeats
    records: AuditRecords
    keyring: Keyring
    key_index: KeyIndex
    key_usages: KeyUsages
    desk: PolicyDesk
    planner: Planner
    effective: Effective
    closed_prices: ClosedPrices
    drifts: Drifts
    teams: Teams
    doctor: Doctor
    holds: HoldDesk
    stories: JobStories
    events: Events
    alerts: AlertBook
    team_secrets: TeamSecrets
    clock: Clock


def route(operation: Operation, control: Control) -> web.RouteDef:
    """Where aiohttp finds the operation."""
    handler = _guarded(operation, control)
    if operation.method == "GET":
        return web.get(operation.path, handler, allow_head=False)
    return web.route(operation.method, operation.path, handler, expect_handler=continue_later)


def _guarded(operation: Operation, control: Control) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            told: Answer | GatewayError | Again = await _told(operation, control, request)
        except StoreUnavailable:
            told = admin_errors.store_unavailable()
        except (ArchiveRefused, ArchiveUnavailable) as error:
            told = admin_errors.archive_unavailable(str(error))
        return answer(request, told) if isinstance(told, GatewayError) else _response(operation, told)

    return guarded


async def _told(operation: Operation, control: Control, request: web.Request) -> Answer | GatewayError | Again:
    by = await _admitted(operation, control, request)
    if isinstance(by, GatewayError):
        return by
    reason = _reason(request)
    if isinstance(reason, GatewayError):
        return reason
    query = _read_query(operation, request)
    if isinstance(query, GatewayError):
        return query
    body = None if operation.body is None else await _read_body(operation.body, request)
    if isinstance(body, GatewayError):
        return body
    names = dict(request.match_info)
    call = Call(control, by, names, query, body, request.headers.get("If-Match"))
    if operation.action is None:
        return await operation.handle(call)
    action = operation.action

    async def recorded() -> Answer | GatewayError:
        asked = {**names, **({} if body is None else body.recorded())}
        source, request_id = request.remote or "unix", request[REQUEST_ID]
        try:
            begun = await control.trail.begin(action, by, source, request_id, reason, asked)
        except StoreUnavailable:
            # Nothing was changed yet, so it may be asked for again with the same idempotency key.
            return admin_errors.store_unavailable()
        told = await operation.handle(call)
        await control.trail.end(begun, _done(told))
        return told

    whole = {**names, "body": None if body is None else body.model_dump(mode="json")}
    return await once(control.repeats, operation, by, request.headers.get(HEADER), whole, recorded)


def _done(told: Answer | GatewayError) -> Done:
    if isinstance(told, GatewayError):
        return Done(_NOT_YET, code=told.code)
    change = told.change
    if change is None:
        return Done(_NOT_YET)
    return Done(_NOT_YET, None, change.subject, change.team, change.reason, change.before, change.after)


async def _admitted(operation: Operation, control: Control, request: web.Request) -> Administrator | GatewayError:
    secret = presented(request.headers)
    if not isinstance(secret, str):
        return secret
    by = await control.administrators.recognise(secret)
    if by is None:
        return errors.key_invalid()
    return by if by.may(operation.needs) else admin_errors.not_allowed(by, operation.needs)


def _reason(request: web.Request) -> str | GatewayError | None:
    reason = request.headers.get(headers.REASON)
    if reason is None or (reason.strip() and reason.isprintable() and len(reason) <= 200):
        return reason
    return errors.invalid_input(headers.REASON, f'"{headers.REASON}" must be 1 to 200 printable characters.')


def _read_query(operation: Operation, request: web.Request) -> Any:
    known = operation.query.model_fields
    found: dict[str, object] = {}
    for name in request.query:
        values = request.query.getall(name)
        several = name in known and get_origin(known[name].annotation) is tuple
        if len(values) > 1 and not several:
            return errors.invalid_input(shown(name), f'"{shown(name)}" is given twice.')
        found[name] = tuple(values) if several else values[0]
    return _modelled(lambda: operation.query.model_validate(found))


async def _read_body(body: type[Body], request: web.Request) -> Any:
    raw = await read_body(request, _MAX_BODY, _BODY_SECONDS)
    if isinstance(raw, GatewayError):
        return raw
    document = read_object(raw)
    if isinstance(document, Unreadable):
        return errors.invalid_input(document.field, document.message)
    return _modelled(lambda: body.model_validate_json(raw))


def _modelled(read: Callable[[], BaseModel]) -> Any:
    """What was asked, or the first thing wrong with it, its field named."""
    try:
        return read()
    except ValidationError as mistakes:
        first = mistakes.errors(include_url=False, include_input=False)[0]
        field = _field(first["loc"])
        return errors.invalid_input(field, f'"{field}": {first["msg"].removeprefix("Value error, ")}.')


def _field(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in location)
    return "".join(parts).removeprefix(".")


def _response(operation: Operation, told: Answer | Again) -> web.Response:
    extra: dict[str, str] = {} if operation.sensitive is None else {"Cache-Control": "no-store"}
    if isinstance(told, Again):
        extra[headers.REPLAY] = "true"
    text, etag = (told.answered.text, told.answered.etag) if isinstance(told, Again) else (told.text, told.etag)
    if etag is not None:
        extra["ETag"] = f'"{etag}"'
    return web.Response(text=text, status=operation.status, content_type="application/json", headers=extra)


def matches(if_match: str | None, etag: str) -> bool:
    """Whether what a request wants unchanged is so: `*`, or one of the tags that it lists (RFC 9110, 13.1.1)."""
    if if_match is None:
        return True
    return any(one.strip() in ("*", f'"{etag}"') for one in if_match.split(","))


def led(by: Administrator, team: str | None) -> str | None:
    """The team that a list is of: a team lead has one and no other; None for all."""
    return team if by.team is None else by.team
