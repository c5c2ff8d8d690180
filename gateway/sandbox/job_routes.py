"""Estimate, status, list and cancel."""

import base64
import binascii
import json

from gateway.sandbox.calls import Call
from gateway.sandbox.faults import Faults, merge
from gateway.sandbox.jobs import Job, Status
from gateway.sandbox.orders import read_body, read_order
from gateway.sandbox.replies import Refusal
from gateway.sandbox.shapes import enclosed, estimated, listed, shown, timestamp
from gateway.sandbox.world import Offer, cancel, offer

_DEFAULT_LIMIT, _MAX_LIMIT = 20, 100


def estimate(call: Call) -> object:
    """What submit would charge; makes nothing. The faults that change a price change it here too."""
    offered = _offer(call)
    if isinstance(offered, Refusal):
        return offered
    percent = float(call.world.config.discount_percent)
    return estimated(offered, int(percent) if percent.is_integer() else percent, call.faults, call.request_id)


def _offer(call: Call) -> Offer | Refusal:
    body = read_body(call.body)
    order = body if isinstance(body, Refusal) else read_order(body, input_required=False)
    if isinstance(order, Refusal):
        return order
    faults: Faults | Refusal = call.faults
    if "sandbox" in order.input:
        faults = merge(call.faults, order.input["sandbox"])
    return faults if isinstance(faults, Refusal) else offer(call.world, order, faults)


def status(call: Call) -> object:
    job = _job(call)
    return job if isinstance(job, Refusal) else shown(job, call.now, call.faults, call.request_id)


def cancelled(call: Call) -> object:
    job = _job(call)
    refunded = job if isinstance(job, Refusal) else cancel(call.world, job, call.now)
    if isinstance(job, Refusal) or isinstance(refunded, Refusal):
        return refunded
    body: dict[str, object] = {"jobId": job.id, "status": Status.CANCELLED, "refundedMicroCents": refunded}
    return enclosed(body, call.faults, call.request_id)


def _job(call: Call) -> Job | Refusal:
    job = call.world.jobs.by_id.get(call.request.match_info["job_id"])
    return Refusal("JOB_NOT_FOUND", "There is no such job") if job is None else job


def page(call: Call) -> object:
    """Newest first. `modelId` takes a slug, whatever its name says. A cursor stays right while new jobs arrive."""
    query = call.request.query
    limit, before = _limit(query.get("limit")), _sequence(query.get("cursor"))
    wanted = query.get("status")
    if limit is None or before == -1 or wanted not in (None, *Status):
        return Refusal("INVALID_INPUT", "limit is 1 to 100, cursor one of ours, status one of the five")
    jobs, more = call.world.jobs.page(call.now, before, limit, wanted, query.get("modelId"))
    cursor = _cursor(jobs[-1]) if more else None
    rows = [listed(job, call.now) for job in jobs]
    body: dict[str, object] = {"jobs": rows, "nextCursor": cursor, "hasMore": more}
    return enclosed(body, call.faults, call.request_id)


def _limit(text: str | None) -> int | None:
    if text is None:
        return _DEFAULT_LIMIT
    plain = text.isascii() and text.isdecimal() and len(text) < 4
    return int(text) if plain and 1 <= int(text) <= _MAX_LIMIT else None


def _cursor(job: Job) -> str:
    place = {"createdAt": timestamp(job.created_at), "sequence": job.sequence}
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _sequence(cursor: str | None) -> int | None:
    """Where the last page ended; None: from the start; -1: not a cursor."""
    if cursor is None:
        return None
    try:
        place = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        sequence = place["sequence"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        return -1
    return sequence if isinstance(sequence, int) and sequence >= 0 else -1
