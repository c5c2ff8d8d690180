"""Routes that pass to the upstream and back: estimate, uploads, models, providers, and the public catalogue."""

import asyncio
from typing import Final

from aiohttp import web

from gateway.core.principal import Principal, Scope
from gateway.ports import Streamed, Unanswered
from gateway.service.passage import Passenger
from gateway.web import headers
from gateway.web.answers import passed_answer, passed_on, unanswered
from gateway.web.body import read_body
from gateway.web.edge import REQUEST_ID, answer, dress
from gateway.web.plane import PLANE
from gateway.web.problem import GatewayError
from gateway.web.told import Told

# How long a piece may take to leave.
_SLOWEST_S: Final = 30.0


async def estimate(request: web.Request) -> web.StreamResponse:
    """The upstream's own estimate. It makes nothing and costs nothing."""
    asked = await _with_body(request, Scope.CHECK_STATUS)
    if isinstance(asked, GatewayError):
        return answer(request, asked)
    return _told(request, passed_answer(await request.app[PLANE].passage.ask(asked[0])))


async def presign(request: web.Request) -> web.StreamResponse:
    """An address to upload a file to, and whose the file is."""
    asked = await _with_body(request, Scope.SUBMIT_JOB)
    if isinstance(asked, GatewayError):
        return answer(request, asked)
    return _told(request, passed_answer(await request.app[PLANE].passage.presign(*asked)))


async def upload_status(request: web.Request) -> web.StreamResponse:
    """The state of an upload, if it is the team's."""
    plane = request.app[PLANE]
    principal = await plane.auth.principal(request, Scope.SUBMIT_JOB)
    if isinstance(principal, GatewayError):
        return answer(request, principal)
    passenger = _passenger(request, principal)
    return _told(
        request, passed_answer(await plane.passage.upload_status(passenger, principal, request.match_info["upload"]))
    )


async def models(request: web.Request) -> web.StreamResponse:
    """Models and providers, as long as the answer may be."""
    principal = await request.app[PLANE].auth.principal(request, Scope.LIST_MODELS)
    if isinstance(principal, GatewayError):
        return answer(request, principal)
    return await _stream(request, _passenger(request, principal))


async def catalogue(request: web.Request) -> web.StreamResponse:
    """The public catalogue. Who may list models sees it as the upstream account does, anybody else as the public."""
    if "Authorization" not in request.headers and "x-api-key" not in request.headers:
        return await _stream(request, _passenger(request, None))
    principal = await request.app[PLANE].auth.principal(request, None)
    if isinstance(principal, GatewayError):
        return answer(request, principal)
    sees_more = Scope.LIST_MODELS in principal.key.scopes
    return await _stream(request, _passenger(request, principal if sees_more else None))


async def _with_body(request: web.Request, scope: Scope) -> tuple[Passenger, Principal] | GatewayError:
    """Who asks, and the request with its body as it came."""
    plane = request.app[PLANE]
    principal = await plane.auth.principal(request, scope)
    if isinstance(principal, GatewayError):
        return principal
    body = await read_body(request, plane.max_body, plane.body_timeout)
    return body if isinstance(body, GatewayError) else (_passenger(request, principal, body), principal)


def _passenger(request: web.Request, principal: Principal | None, body: bytes | None = None) -> Passenger:
    sent_on = headers.upstream_headers(request.headers, request[REQUEST_ID])
    return Passenger(principal, request.method, request.raw_path, sent_on, body)


def _told(request: web.Request, told: Told | GatewayError) -> web.StreamResponse:
    return told.response() if isinstance(told, Told) else answer(request, told)


async def _stream(request: web.Request, passenger: Passenger) -> web.StreamResponse:
    async with request.app[PLANE].passage.stream(passenger) as found:
        match found:
            case Unanswered():
                return answer(request, unanswered(found))
            case Streamed():
                return await _pass_on(request, found)


async def _pass_on(request: web.Request, found: Streamed) -> web.StreamResponse:
    """Piece by piece. An answer that breaks off is broken off here too, so that it never looks whole."""
    told = passed_on(found.head, {})
    response = web.StreamResponse(status=told.status, headers=told.headers)
    dress(request, response)
    await response.prepare(request)
    async for piece in found.pieces:
        try:
            async with asyncio.timeout(_SLOWEST_S):
                await response.write(piece)
        except (ConnectionError, TimeoutError):
            # Nobody is there to take the rest, or nobody who takes it. What follows now must not look like its end.
            if request.transport is not None:
                request.transport.abort()
            break
    return response
