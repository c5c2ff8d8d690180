"""The control plane's routes for what clients are told, and for the secrets they verify it with."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field

from gateway.core.delivery import Delivery, DeliveryState, EventKind
from gateway.core.role import Power
from gateway.service.keyring import UnknownTeam
from gateway.service.team_secrets import SecretLost, TeamSecret
from gateway.web import admin_errors
from gateway.web.admin_documents import Instant
from gateway.web.administration import led
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Call, Change, Document, Nothing, Operation, Query
from gateway.web.problem import GatewayError


class WebhookQuery(Query):
    """`team` and `state` narrow the list; it has `limit` webhooks at most."""

    team: str | None = None
    state: DeliveryState | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Attempt(Document):
    """`result` is `status` and a number, or why there was no answer."""

    at: Instant
    result: str
    delivered: bool


class Webhook(Document):
    """What a client is told of a job's end, or a team of a limit. Of its address only the host: the rest may hold a
    secret.

    An alert is of no hold and no job; `team` is the organization's name where the limit is its own.
    """

    id: str
    type: EventKind
    team: str
    hold: str | None
    job: str | None
    host: str
    state: DeliveryState
    created_at: Instant
    due_at: Instant | None
    attempts: tuple[Attempt, ...]


class Webhooks(Document):
    """The newest first."""

    webhooks: tuple[Webhook, ...]


class Secret(Document):
    """By which a team verifies our webhooks; null in a repetition of its rotation."""

    team: str
    secret: str | None
    since: Instant


async def list_webhooks(call: Call[WebhookQuery, None]) -> Answer:
    query = call.query
    found = await call.control.events.newest(query.limit, led(call.by, query.team), query.state)
    return Answer(Webhooks(webhooks=tuple(map(_document, found))))


async def redeliver(call: Call[Nothing, None]) -> Answer | GatewayError:
    event_id, events = call.names["id"], call.control.events
    found = await events.find(event_id)
    if found is None or not call.by.sees(found.event.team):
        return admin_errors.webhook_not_found(event_id)
    again = await events.find(event_id) if await events.renew(found, call.control.clock.now()) else None
    if again is None:
        return admin_errors.webhook_not_found(event_id)
    change = Change(event_id, found.event.team, before={"state": found.state}, after={"state": again.state})
    return Answer(_document(again), change)


async def show_secret(call: Call[Nothing, None]) -> Answer | GatewayError:
    team = call.names["team"]
    return _told(await call.control.team_secrets.show(team)) if call.by.sees(team) else admin_errors.team_unknown(team)


async def rotate_secret(call: Call[Nothing, None]) -> Answer | GatewayError:
    team = call.names["team"]
    return (
        _told(await call.control.team_secrets.rotate(team)) if call.by.sees(team) else admin_errors.team_unknown(team)
    )


def _told(found: TeamSecret | SecretLost | UnknownTeam) -> Answer | GatewayError:
    match found:
        case UnknownTeam(team):
            return admin_errors.team_unknown(team)
        case SecretLost(team):
            return admin_errors.secret_lost(team)
        case TeamSecret(team, version, secret):
            change = Change(team, team, after={"rotation": version.rotation})
            return Answer(Secret(team=team, secret=secret, since=instant(version.since)), change)


def _document(delivery: Delivery) -> Webhook:
    event = delivery.event
    return Webhook(
        id=event.id,
        type=event.kind,
        team=event.team,
        hold=event.hold or None,
        job=event.job or None,
        host=urlsplit(event.url).netloc,
        state=delivery.state,
        created_at=instant(event.at),
        due_at=instant(delivery.due),
        attempts=tuple(
            Attempt(at=instant(one.at), result=one.result, delivered=one.delivered) for one in delivery.attempts
        ),
    )


_OF_TEAM: Final = "/admin/v1/teams/{team}/secret"

OPERATIONS: Final = (
    Operation(
        *("GET", "/admin/v1/webhooks", "List webhooks", Power.READ_WEBHOOKS, list_webhooks, Webhooks), WebhookQuery
    ),
    Operation(
        *("POST", "/admin/v1/webhooks/{id}/redeliver", "Send a webhook again", Power.RESEND_WEBHOOKS),
        *(redeliver, Webhook),
        errors=("WEBHOOK_NOT_FOUND",),
        action="webhook.redeliver",
    ),
    Operation(
        *("GET", _OF_TEAM, "Show a team's webhook secret", Power.TEAM_SECRETS, show_secret, Secret),
        errors=("TEAM_UNKNOWN", "SECRET_LOST"),
        action="team_secret.show",
        sensitive="secret",
    ),
    Operation(
        *("POST", f"{_OF_TEAM}/rotate", "Make a new webhook secret", Power.TEAM_SECRETS, rotate_secret, Secret),
        errors=("TEAM_UNKNOWN", "SECRET_LOST"),
        action="team_secret.rotate",
        sensitive="secret",
    ),
)
