"""`GET /v1/jobs/{jobId}`, `POST /v1/jobs/{jobId}/cancel` and `GET /v1/jobs`: what teams ask of their own jobs."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from gateway.core.job import Malformed
from gateway.core.job_list import document_of, read_wanted
from gateway.core.outcome import StoreDown
from gateway.core.principal import Principal, Scope
from gateway.service.job_desk import Answered, Call
from gateway.web import errors, headers
from gateway.web.answers import passed_answer
from gateway.web.edge import REQUEST_ID, answer
from gateway.web.plane import PLANE
from gateway.web.problem import GatewayError
from gateway.web.told import Told

Asks: TypeAlias = Callable[[Call], Awaitable[Answered]]


async def status(request: web.Request) -> web.StreamResponse:
    """The upstream's status of a job, if it is the team's."""
    return await _about_a_job(request, Scope.CHECK_STATUS, request.app[PLANE].job_desk.status)


async def cancel(request: web.Request) -> web.StreamResponse:
    """The upstream's answer to a cancel. A body means nothing here, and goes no further."""
    return await _about_a_job(request, Scope.SUBMIT_JOB, request.app[PLANE].job_desk.cancel)


async def _about_a_job(request: web.Request, scope: Scope, ask: Asks) -> web.StreamResponse:
    principal = await request.app[PLANE].auth.principal(request, scope)
    if isinstance(principal, GatewayError):
        return answer(request, principal)
    sent_on = headers.upstream_headers(request.headers, request[REQUEST_ID])
    call = Call(principal, request.match_info["job"], request.raw_path, sent_on)
    told = passed_answer(await ask(call))
    return told.response() if isinstance(told, Told) else answer(request, told)


async def page(request: web.Request) -> web.StreamResponse:
    """The team's jobs, the newest first, in the form of the provider's list."""
    principal = await request.app[PLANE].auth.principal(request, Scope.CHECK_STATUS)
    told = principal if isinstance(principal, GatewayError) else await _page(request, principal)
    return told.response() if isinstance(told, Told) else answer(request, told)


async def _page(request: web.Request, principal: Principal) -> Told | GatewayError:
    wanted = read_wanted(list(request.query.items()))
    if isinstance(wanted, Malformed):
        return errors.invalid_input(wanted.field, wanted.message)
    found = await request.app[PLANE].job_desk.page(principal, wanted)
    if isinstance(found, StoreDown):
        return errors.owner_unknown()
    return Told(200, {"Content-Type": "application/json"}, json.dumps(document_of(found)).encode())
