"""`POST /v1/jobs/submit`: who asks, what for, and the answer; the use case in between is `service/submit.py`."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from aiohttp import web

from gateway.core.money import format_usd
from gateway.core.outcome import Broken, Charged, InDoubt, StoreDown, TurnedDown, Unsent, label
from gateway.core.principal import Scope
from gateway.ports import Observation
from gateway.service.submit import Asked
from gateway.web import answers, errors, headers
from gateway.web.body import body_refusal, read_body
from gateway.web.call import Call, ReadBody
from gateway.web.edge import REQUEST_ID
from gateway.web.framing import query_refusal
from gateway.web.plane import PLANE, DataPlane
from gateway.web.problem import GatewayError
from gateway.web.told import Told

_LOG: Final = logging.getLogger("tollhouse.submissions")


async def submit(request: web.Request) -> web.StreamResponse:
    """One submission over HTTP, with a request of the server's."""
    plane = request.app[PLANE]
    call = Call(request.headers, request.remote, request[REQUEST_ID], request.content_length)
    refused = query_refusal(request)
    if refused is not None:
        return _turned_away(call, refused, {}).response()
    read = partial(read_body, request, plane.max_body, plane.body_timeout)
    return (await submission(plane, call, read)).response()


async def express_submit(plane: DataPlane, call: Call, body: bytes) -> Told:
    """One submission over HTTP, with a request that came whole: see `express.py`."""

    async def read() -> bytes | GatewayError:
        return body_refusal(call.headers, len(body), plane.max_body) or body

    return await submission(plane, call, read)


async def submission(plane: DataPlane, call: Call, read: ReadBody) -> Told:
    """Who asks, then what for: a request is looked at from the outside in."""
    started, now = plane.clock.monotonic(), plane.clock.now()
    refused = _idempotency_refusal(call)
    principal = refused or await plane.auth.principal(call, Scope.SUBMIT_JOB)
    if isinstance(principal, GatewayError):
        return _turned_away(call, principal, {})
    body = await read()
    if isinstance(body, GatewayError):
        return _turned_away(call, body, {"team": principal.team, "key": principal.key.id})
    sent_on = headers.upstream_headers(call.headers, call.request_id)
    asked = Asked(principal, body, call.request_id, plane.auth.address(call), sent_on)
    submitted = await plane.submit(asked)
    answer = answers.answer(submitted.submission, plane.contact(principal), now)
    told = call.refused(answer) if isinstance(answer, GatewayError) else answer
    seconds = plane.clock.monotonic() - started
    seen = Observation(
        principal.team, submitted.model, principal.key.test, submitted.submission, submitted.amount, seconds
    )
    plane.telemetry.observe(seen)
    surprising = isinstance(seen.submission, InDoubt) and seen.submission.surprising
    level = logging.WARNING if surprising else logging.INFO
    _LOG.log(level, "submission", extra={"fields": _line(asked, seen, told.status)})
    return told


def _idempotency_refusal(call: Call) -> GatewayError | None:
    """Passing the header over would let a client believe that sending again is safe."""
    if "Idempotency-Key" in call.headers:
        message = '"Idempotency-Key" is not supported yet. Leave it out, and do not send a submit twice.'
        return errors.invalid_input("Idempotency-Key", message)
    return None


def _turned_away(call: Call, error: GatewayError, who: Mapping[str, str]) -> Told:
    """Answer and log a request that never became a submission: it counts nowhere, and may be asked about."""
    told = {"request_id": call.request_id, **who, "outcome": "turned_away", "status": error.status}
    _LOG.info("submission", extra={"fields": {**told, "code": error.code}})
    return call.refused(error)


def _line(asked: Asked, seen: Observation, status: int) -> dict[str, object]:
    """One submission as a log line: who, what, what became of it; no secret and nothing of the input."""
    line: dict[str, object] = {
        "request_id": asked.request_id,
        "team": seen.team,
        "key": asked.principal.key.id,
        "model": seen.model,
        "outcome": label(seen.submission),
        "status": status,
        "milliseconds": round(seen.seconds * 1000, 3),
    }
    match seen.submission:
        case Charged(holding, _, job, cost):
            line |= {"hold": holding.hold.id, "job": job, "cost_usd": format_usd(cost)}
        case InDoubt(holding, cause) | Unsent(holding, cause):
            line |= {"hold": holding.hold.id, "held_usd": format_usd(holding.hold.amount), "cause": cause}
        case TurnedDown(holding):
            line |= {"hold": holding.hold.id}
        case StoreDown(reason) | Broken(reason):
            line |= {"cause": reason}
        case _:
            pass
    return line
