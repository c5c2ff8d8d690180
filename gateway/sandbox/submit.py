"""POST /v1/jobs/submit, from the bytes received to the bytes sent; faults count in the order `Faults` names them."""

import json

from aiohttp import web

from gateway.sandbox import wire
from gateway.sandbox.calls import ECHO_HEADER, WORLD, credentials, echoed, key_refusal
from gateway.sandbox.faults import Faults, merge, merge_headers
from gateway.sandbox.jobs import Job
from gateway.sandbox.orders import read_body, read_order
from gateway.sandbox.replies import Refusal, refuse
from gateway.sandbox.shapes import submitted
from gateway.sandbox.world import World, accept


async def submit(request: web.Request) -> web.StreamResponse:
    """Record the request as it came, then answer it."""
    world = request.app[WORLD]
    with world.record.one_more():
        raw = await request.read()
        refusal = key_refusal(request.headers, world.config.keys)
        world.record.add(request.path_qs, request.raw_headers, raw, refusal is None)
        request_id = world.new_id("req")
        if refusal is not None:
            return refuse(refusal, request_id)
        body = read_body(raw)
        if isinstance(body, Refusal):
            return refuse(body, request_id)
        faults = _faults(world, request, body)
        if isinstance(faults, Refusal):
            return refuse(faults, request_id)
        return await _answer(world, request, body, faults, request_id)


def _faults(world: World, request: web.Request, body: dict[str, object]) -> Faults | Refusal:
    faults = merge_headers(world.faults, request.headers)
    given = body.get("input")
    if isinstance(faults, Refusal) or not isinstance(given, dict) or "sandbox" not in given:
        return faults
    return merge(faults, given["sandbox"])


async def _answer(
    world: World, request: web.Request, body: dict[str, object], faults: Faults, request_id: str
) -> web.StreamResponse:
    if faults.latency_ms:
        await wire.pause(faults.latency_ms / 1000, world.closing)
    if faults.reset_before:
        return wire.reset(request)
    status = faults.error_status
    if status is not None and not faults.accepted:
        return wire.error(request, faults, status, request_id)
    order = read_order(body)
    job = order if isinstance(order, Refusal) else accept(world, order, faults, request_id)
    if isinstance(job, Refusal):
        return refuse(job, request_id)
    if status is not None:
        return wire.error(request, faults, status, request_id)
    return await _reply(world, request, faults, job)


async def _reply(world: World, request: web.Request, faults: Faults, job: Job) -> web.StreamResponse:
    if faults.hang:
        return await wire.hang(request, world.closing)
    if faults.reset_after:
        return wire.reset(request)
    before = world.jobs.before(job) if faults.repeated_job_id else None
    body: object = submitted(job, job.id if before is None else before.id, faults)
    reply = json.dumps(echoed(body, request.headers) if faults.echo else body).encode()
    if faults.truncated:
        return await wire.truncate(request, reply)
    if faults.unreadable:
        reply = reply[:-1]
    headers = {ECHO_HEADER: credentials(request.headers)} if faults.echo else None
    return web.Response(body=reply, status=faults.status or 200, content_type="application/json", headers=headers)
