"""The control plane's routes below `/admin/v1`: keys and policies, for the holder of the admin key alone."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.key_terms import Objection
from gateway.core.plan import Rules
from gateway.ports import Clock, StoreUnavailable
from gateway.service.keyring import Issued, Keyring, NoSuchKey, UnknownTeam
from gateway.service.policy_desk import PolicyDesk, Published, Unchanged
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import ApplyBody, B, CheckBody, IssueBody, key_document, read
from gateway.web.auth import opens_control_plane
from gateway.web.body import continue_later, read_body
from gateway.web.edge import REQUEST_ID, answer
from gateway.web.problem import GatewayError

# Price files of a few hundred models are about a hundred kilobytes.
_MAX_BODY: Final = 16 * 1024**2
_BODY_SECONDS: Final = 30.0

_AUDIT: Final = logging.getLogger("tollhouse.audit")


@dataclass(frozen=True, slots=True)
class Control:
    """What the control plane works with."""

    keyring: Keyring
    desk: PolicyDesk
    clock: Clock
    admin_key: str = field(repr=False)


Answer: TypeAlias = web.Response | GatewayError
_Administered: TypeAlias = Callable[[web.Request, Control], Awaitable[Answer]]


def admin_routes(control: Control) -> list[web.RouteDef]:
    """Every route, for the control plane's application."""
    return [
        _get("/admin/v1/keys", control, list_keys),
        _post("/admin/v1/keys", control, issue_key),
        _get("/admin/v1/keys/{id}", control, show_key),
        _post("/admin/v1/keys/{id}/revoke", control, revoke_key),
        _get("/admin/v1/policies/live", control, live_policies),
        _post("/admin/v1/policies/check", control, check_policies),
        _post("/admin/v1/policies/apply", control, apply_policies),
    ]


def _get(path: str, control: Control, handle: _Administered) -> web.RouteDef:
    return web.get(path, _guarded(control, handle), allow_head=False)


def _post(path: str, control: Control, handle: _Administered) -> web.RouteDef:
    return web.post(path, _guarded(control, handle), expect_handler=continue_later)


def _guarded(control: Control, handle: _Administered) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        told: Answer | None = opens_control_plane(request.headers, control.admin_key)
        if told is None:
            try:
                told = await handle(request, control)
            except StoreUnavailable:
                told = admin_errors.store_unavailable()
        return answer(request, told) if isinstance(told, GatewayError) else told

    return guarded


async def list_keys(request: web.Request, control: Control) -> Answer:
    unknown = set(request.query) - {"team"}
    if unknown:
        return errors.invalid_request('The only parameter here is "team".')
    keys = await control.keyring.list(request.query.get("team"))
    now = control.clock.now()
    return web.json_response({"keys": [key_document(key, now) for key in keys]})


async def issue_key(request: web.Request, control: Control) -> Answer:
    body = await _read(IssueBody, request)
    if isinstance(body, GatewayError):
        return body
    issued = await control.keyring.issue(body.terms())
    match issued:
        case Objection(name, message):
            return errors.invalid_input(name, message)
        case UnknownTeam(team):
            return admin_errors.team_unknown(team)
        case Issued(key, secret):
            _audit(request, "key issued", key=key.id, team=key.team, name=key.name, test=key.test)
            document = {**key_document(key, control.clock.now()), "key": secret}
            return web.json_response(document, status=201, headers={"Cache-Control": "no-store"})


async def show_key(request: web.Request, control: Control) -> Answer:
    key = await control.keyring.show(request.match_info["id"])
    if isinstance(key, NoSuchKey):
        return admin_errors.key_not_found(key.id)
    return web.json_response(key_document(key, control.clock.now()))


async def revoke_key(request: web.Request, control: Control) -> Answer:
    revoked = await control.keyring.revoke(request.match_info["id"])
    if isinstance(revoked, NoSuchKey):
        return admin_errors.key_not_found(revoked.id)
    if revoked.changed:
        _audit(request, "key revoked", key=revoked.key.id, team=revoked.key.team, name=revoked.key.name)
    return web.json_response(key_document(revoked.key, control.clock.now()))


async def live_policies(request: web.Request, control: Control) -> Answer:
    live = await control.desk.live()
    if live is None:
        return admin_errors.no_policies()
    kept_out, used = await control.desk.refresh(), control.desk.current
    document: dict[str, object] = {
        "version": live.version,
        "used": None if used is None else used.version,
        "complaints": [] if kept_out is None else admin_errors.listed(kept_out.complaints),
        "organization": control.desk.organization,
        "teams": [] if used is None else sorted(used.policies.teams),
        "files": dict(live.files),
    }
    return web.json_response(document)


async def check_policies(request: web.Request, control: Control) -> Answer:
    body = await _read(CheckBody, request)
    if isinstance(body, GatewayError):
        return body
    checked = await control.desk.check(body.files)
    if not isinstance(checked, Rules):
        return admin_errors.not_published(checked)
    return web.json_response({"version": checked.version})


async def apply_policies(request: web.Request, control: Control) -> Answer:
    body = await _read(ApplyBody, request)
    if isinstance(body, GatewayError):
        return body
    applied = await control.desk.publish(body.files, body.remove_teams, body.reset)
    match applied:
        case Published(version):
            said = {"removed_teams": list(body.remove_teams), "reset": list(body.reset)}
            _audit(request, "policies applied", version=version, **said)
            return web.json_response({"version": version, "changed": True})
        case Unchanged(version):
            return web.json_response({"version": version, "changed": False})
        case _:
            return admin_errors.not_published(applied)


async def _read(body: type[B], request: web.Request) -> B | GatewayError:
    raw = await read_body(request, _MAX_BODY, _BODY_SECONDS)
    return raw if isinstance(raw, GatewayError) else read(body, raw)


def _audit(request: web.Request, action: str, **fields: object) -> None:
    """One line for every change, without secrets. There is one administrator so far: who has the admin key."""
    who = {"by": "admin", "from": request.remote or "unix", "request": request[REQUEST_ID]}
    _AUDIT.info(action, extra={"fields": {**fields, **who}})
