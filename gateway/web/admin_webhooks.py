"""The control plane's routes for what clients are told, and for the secrets they verify it with."""

import re
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.core.delivery import Attempt, Delivery, DeliveryState
from gateway.service.keyring import UnknownTeam
from gateway.service.team_secrets import SecretLost, TeamSecret
from gateway.web import admin_errors, errors
from gateway.web.administration import Answer, Control, audit
from gateway.web.limit_rows import instant

_LISTED: Final = 100
_MOST: Final = 1000
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


async def list_webhooks(request: web.Request, control: Control) -> Answer:
    query = request.query
    if set(query) - {"team", "state", "limit"}:
        return errors.invalid_request('The only parameters here are "team", "state" and "limit".')
    state, limit = query.get("state"), query.get("limit", str(_LISTED))
    if state is not None and state not in set(DeliveryState):
        return errors.invalid_input("state", f'"state" must be one of {", ".join(DeliveryState)}.')
    if not _COUNT.fullmatch(limit) or int(limit) > _MOST:
        return errors.invalid_input("limit", f'"limit" must be a whole number from 1 to {_MOST}.')
    found = await control.events.newest(int(limit), query.get("team"), None if state is None else DeliveryState(state))
    return web.json_response({"webhooks": [_document(one) for one in found]})


async def redeliver(request: web.Request, control: Control) -> Answer:
    event_id = request.match_info["id"]
    found = await control.events.find(event_id)
    if found is None or not await control.events.renew(found, control.clock.now()):
        return admin_errors.webhook_not_found(event_id)
    audit(request, "webhook put up to be sent again", event=event_id, team=found.event.team)
    again = await control.events.find(event_id)
    return admin_errors.webhook_not_found(event_id) if again is None else web.json_response(_document(again))


async def show_secret(request: web.Request, control: Control) -> Answer:
    return _told(request, "team secret shown", await control.team_secrets.show(request.match_info["team"]))


async def rotate_secret(request: web.Request, control: Control) -> Answer:
    return _told(request, "team secret rotated", await control.team_secrets.rotate(request.match_info["team"]))


def _told(request: web.Request, action: str, found: TeamSecret | SecretLost | UnknownTeam) -> Answer:
    match found:
        case UnknownTeam(team):
            return admin_errors.team_unknown(team)
        case SecretLost(team):
            return admin_errors.secret_lost(team)
        case TeamSecret(team, version, secret):
            audit(request, action, team=team, rotation=version.rotation)
            document = {"team": team, "secret": secret, "since": instant(version.since)}
            return web.json_response(document, headers={"Cache-Control": "no-store"})


def _document(delivery: Delivery) -> dict[str, object]:
    """An event as its administrators see it. Of its address only the host: the rest may hold a secret."""
    event = delivery.event
    return {
        "id": event.id,
        "team": event.team,
        "hold": event.hold,
        "job": event.job,
        "host": urlsplit(event.url).netloc,
        "state": delivery.state,
        "created_at": instant(event.at),
        "due_at": instant(delivery.due),
        "attempts": [_attempt(one) for one in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, object]:
    return {"at": instant(attempt.at), "result": attempt.result, "delivered": attempt.delivered}
