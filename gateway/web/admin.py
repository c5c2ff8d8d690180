"""The control plane's routes below `/admin/v1`: keys, policies and prices, for the holder of the admin key alone."""

from aiohttp import web

from gateway.core.key_terms import Objection
from gateway.core.plan import Rules
from gateway.service.keyring import Issued, NoSuchKey, UnknownTeam
from gateway.service.policy_desk import Published, Unchanged
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import ApplyBody, CheckBody, IssueBody, key_document
from gateway.web.admin_holds import capture_hold, list_holds, show_hold, void_hold
from gateway.web.admin_prices import closed_prices, reopen_prices
from gateway.web.admin_webhooks import list_webhooks, redeliver, rotate_secret, show_secret
from gateway.web.administration import Answer, Control, audit, get, post, read_body_of
from gateway.web.diagnosis import examine
from gateway.web.problem import GatewayError


def admin_routes(control: Control) -> list[web.RouteDef]:
    """Every route, for the control plane's application."""
    return [
        get("/admin/v1/keys", control, list_keys),
        post("/admin/v1/keys", control, issue_key),
        get("/admin/v1/keys/{id}", control, show_key),
        post("/admin/v1/keys/{id}/revoke", control, revoke_key),
        get("/admin/v1/policies/live", control, live_policies),
        post("/admin/v1/policies/check", control, check_policies),
        post("/admin/v1/policies/apply", control, apply_policies),
        get("/admin/v1/closed-prices", control, closed_prices),
        post("/admin/v1/closed-prices/reopen", control, reopen_prices),
        get("/admin/v1/holds", control, list_holds),
        get("/admin/v1/holds/{id}", control, show_hold),
        post("/admin/v1/holds/{id}/capture", control, capture_hold),
        post("/admin/v1/holds/{id}/void", control, void_hold),
        get("/admin/v1/teams/{team}/secret", control, show_secret),
        post("/admin/v1/teams/{team}/secret/rotate", control, rotate_secret),
        get("/admin/v1/webhooks", control, list_webhooks),
        post("/admin/v1/webhooks/{id}/redeliver", control, redeliver),
        get("/admin/v1/doctor", control, examine),
    ]


async def list_keys(request: web.Request, control: Control) -> Answer:
    unknown = set(request.query) - {"team"}
    if unknown:
        return errors.invalid_request('The only parameter here is "team".')
    keys = await control.keyring.list(request.query.get("team"))
    now = control.clock.now()
    return web.json_response({"keys": [key_document(key, now) for key in keys]})


async def issue_key(request: web.Request, control: Control) -> Answer:
    body = await read_body_of(IssueBody, request)
    if isinstance(body, GatewayError):
        return body
    issued = await control.keyring.issue(body.terms())
    match issued:
        case Objection(name, message):
            return errors.invalid_input(name, message)
        case UnknownTeam(team):
            return admin_errors.team_unknown(team)
        case Issued(key, secret):
            audit(request, "key issued", key=key.id, team=key.team, name=key.name, test=key.test)
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
        audit(request, "key revoked", key=revoked.key.id, team=revoked.key.team, name=revoked.key.name)
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
    body = await read_body_of(CheckBody, request)
    if isinstance(body, GatewayError):
        return body
    checked = await control.desk.check(body.files)
    if not isinstance(checked, Rules):
        return admin_errors.not_published(checked)
    return web.json_response({"version": checked.version})


async def apply_policies(request: web.Request, control: Control) -> Answer:
    body = await read_body_of(ApplyBody, request)
    if isinstance(body, GatewayError):
        return body
    applied = await control.desk.publish(body.files, body.remove_teams, body.reset)
    match applied:
        case Published(version):
            said = {"removed_teams": list(body.remove_teams), "reset": list(body.reset)}
            audit(request, "policies applied", version=version, **said)
            return web.json_response({"version": version, "changed": True})
        case Unchanged(version):
            return web.json_response({"version": version, "changed": False})
        case _:
            return admin_errors.not_published(applied)
