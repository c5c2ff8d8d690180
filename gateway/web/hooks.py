"""`POST /tollhouse/v1/hooks/<token>`: the upstream tells us how a job ended. What it means is in `service/hooks.py`.

The rule of this file: whoever is not the upstream learns nothing, not even which part of what it sent was wrong;
nothing is read of a call whose token is not ours, and nothing of any call is logged.
"""

from typing import Final, assert_never

from aiohttp import web

from gateway.core.hook_token import PATH as PATH
from gateway.core.webhook_event import Heard
from gateway.core.webhook_signature import SIGNATURE, TIMESTAMP
from gateway.ports import StoreUnavailable
from gateway.service.hooks import Signed
from gateway.web import errors
from gateway.web.body import read_raw_body
from gateway.web.edge import answer
from gateway.web.plane import PLANE, DataPlane
from gateway.web.problem import GatewayError

# The documented body is a few hundred bytes.
MAX_BODY: Final = 256 * 1024


async def heard(request: web.Request) -> web.StreamResponse:
    """One call, whoever's it is."""
    plane = request.app[PLANE]
    told = await _heard(plane, request)
    return answer(request, told) if isinstance(told, GatewayError) else told


async def _heard(plane: DataPlane, request: web.Request) -> web.Response | GatewayError:
    named = None if plane.hooks is None else plane.hooks.named(request.match_info["token"])
    if plane.hooks is None or named is None:
        plane.telemetry.heard(Heard.REFUSED)
        return errors.not_found()
    body = await read_raw_body(request, MAX_BODY, plane.body_timeout)
    if isinstance(body, GatewayError):
        return body
    try:
        come = await plane.hooks.take(named, Signed(body, _only(request, TIMESTAMP), _only(request, SIGNATURE)))
    except StoreUnavailable:
        return errors.store_unavailable()
    plane.telemetry.heard(come)
    return _told(come)


def _only(request: web.Request, name: str) -> str:
    """A header that is there once; else nothing, which no signature fits."""
    values = request.headers.getall(name, [])
    return values[0] if len(values) == 1 else ""


def _told(come: Heard) -> web.Response | GatewayError:
    match come:
        case Heard.TAKEN | Heard.REPEATED:
            return web.json_response({"received": True})
        case Heard.EARLY:
            return web.json_response({"received": False}, status=503, headers={"Retry-After": "1"})
        case Heard.UNREADABLE:
            return errors.invalid_request("The body names no job, or none of the documented statuses.")
        case Heard.REFUSED:
            return errors.not_found()
        case _:
            assert_never(come)
