"""`POST /v1/jobs/submit`: who asks, what for, and the answer; the use case in between is `service/submit.py`."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from aiohttp import web

from gateway.core.figures import Observation
from gateway.core.idempotency import read_idempotency_key
from gateway.core.money import format_usd
from gateway.core.outcome import Broken, Charged, InDoubt, StoreDown, TurnedDown, Unsent, label, unproven
from gateway.core.recall import Repeated, Replayed
from gateway.core.value import value
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


@value
class _Read:
    """What a submit says beside who asks."""

    body: bytes
    idempotency_key: str | None


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


async def submission(plane: DataPlane, call: Call, read_body: ReadBody) -> Told:
    """Who asks, then what for: a request is looked at from the outside in."""
    started, now = plane.clock.monotonic(), plane.clock.now()
    principal = await plane.auth.submitter(call)
    if isinstance(principal, GatewayError):
        return _turned_away(call, principal, {})
    who = {"team": principal.team, "key": principal.key.id}
    read = await _read(call, read_body)
    if isinstance(read, GatewayError):
        return _turned_away(call, await plane.auth.confirm(call, principal, now) or read, who)
    sent_on = headers.upstream_headers(call.headers, call.request_id)
    asked = Asked(principal, read.body, call.request_id, plane.auth.address(call), sent_on, read.idempotency_key)
    submitted = await plane.submit(asked)
    if unproven(submitted.submission):
        refused = await plane.auth.confirm(call, principal, now)
        if refused is not None:
            return _turned_away(call, refused, who)
    answer = answers.answer(submitted.submission, plane.contact(principal), now, submitted.would_pass)
    told = call.refused(answer) if isinstance(answer, GatewayError) else answer
    seconds = plane.clock.monotonic() - started
    seen = Observation(
        principal.team, submitted.model, principal.key.test, submitted.submission, submitted.amount, seconds
    )
    # Nobody's answer waits for what is counted and logged of it.
    asyncio.get_running_loop().call_soon(_record, plane, asked, seen, told.status)
    return told


def _record(plane: DataPlane, asked: Asked, seen: Observation, status: int) -> None:
    """Count a submission, and log it."""
    plane.telemetry.observe(seen)
    surprising = isinstance(seen.submission, InDoubt) and seen.submission.surprising
    level = logging.WARNING if surprising else logging.INFO
    _LOG.log(level, "submission", extra={"fields": _line(asked, seen, status)})


async def _read(call: Call, read_body: ReadBody) -> _Read | GatewayError:
    header = call.headers.get("Idempotency-Key")
    key = None if header is None else read_idempotency_key(header)
    if header is not None and key is None:
        message = '"Idempotency-Key" must be 1 to 255 visible ASCII characters, quoted or bare.'
        return errors.invalid_input("Idempotency-Key", message)
    body = await read_body()
    return body if isinstance(body, GatewayError) else _Read(body, key)


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
        case Repeated(hold):
            line |= {"hold": hold}
        case Replayed(hold):
            line |= {"hold": hold.id}
        case StoreDown(reason) | Broken(reason):
            line |= {"cause": reason}
        case _:
            pass
    return line
