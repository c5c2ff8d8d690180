"""What every route of the control plane has in common: who may call it, how its body is read, what is noted of it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.ports import Clock, ClosedPrices, StoreUnavailable
from gateway.service.deliver import Events
from gateway.service.doctor import Doctor
from gateway.service.hold_desk import HoldDesk
from gateway.service.keyring import Keyring
from gateway.service.policy_desk import PolicyDesk
from gateway.service.team_secrets import TeamSecrets
from gateway.web import admin_errors
from gateway.web.admin_documents import B, read
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
    closed_prices: ClosedPrices
    doctor: Doctor
    holds: HoldDesk
    events: Events
    team_secrets: TeamSecrets
    clock: Clock
    admin_key: str = field(repr=False)


Answer: TypeAlias = web.Response | GatewayError
Administered: TypeAlias = Callable[[web.Request, Control], Awaitable[Answer]]


def get(path: str, control: Control, handle: Administered) -> web.RouteDef:
    return web.get(path, _guarded(control, handle), allow_head=False)


def post(path: str, control: Control, handle: Administered) -> web.RouteDef:
    return web.post(path, _guarded(control, handle), expect_handler=continue_later)


def _guarded(control: Control, handle: Administered) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        told: Answer | None = opens_control_plane(request.headers, control.admin_key)
        if told is None:
            try:
                told = await handle(request, control)
            except StoreUnavailable:
                told = admin_errors.store_unavailable()
        return answer(request, told) if isinstance(told, GatewayError) else told

    return guarded


async def read_body_of(body: type[B], request: web.Request) -> B | GatewayError:
    raw = await read_body(request, _MAX_BODY, _BODY_SECONDS)
    return raw if isinstance(raw, GatewayError) else read(body, raw)


def audit(request: web.Request, action: str, **fields: object) -> None:
    """One line for every change, without secrets. There is one administrator so far: who has the admin key."""
    who = {"by": "admin", "from": request.remote or "unix", "request": request[REQUEST_ID]}
    _AUDIT.info(action, extra={"fields": {**fields, **who}})
