"""The forms of the job replies: the flat one of the reference pages, the wrapped one, and the quickstart's dialect.

What a field is called and where it sits is here; what it says was decided before.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import mul

from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Job, Status
from gateway.sandbox.replies import wrap
from gateway.sandbox.tariff import half_up
from gateway.sandbox.world import Offer

_PROGRESS: Mapping[Status, int] = {Status.PROCESSING: 50, Status.COMPLETED: 100}
FAILURE: Mapping[str, str] = {
    "code": "GENERATION_FAILED",
    "message": "The sandbox made this job fail; its charge was returned",
}


def timestamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


def enclosed(body: dict[str, object], faults: Faults, request_id: str) -> dict[str, object]:
    """The body as it is, or wrapped where that was asked for."""
    return wrap(body, request_id) if faults.wrapped or faults.quickstart else body


def submitted(job: Job, job_id: str, faults: Faults) -> dict[str, object]:
    """The reply to submit. `job_id` is the one to name, which a fault may have taken from another job."""
    named: dict[str, object] = {} if faults.no_job_id else {"jobId": job_id}
    cost = job.cost if faults.cost is None else faults.cost
    if faults.quickstart:
        body = {**named, "status": "pending", "model": job.model, "createdAt": timestamp(job.created_at)}
        field = "estimatedCost"
    else:
        body = {**named, "requestId": job.request_id, "status": "pending"}
        body["estimatedCompletionTime"] = timestamp(job.estimated_at)
        field = "costMicroCents"
    if not faults.cost_missing:
        body[field] = cost
    return enclosed(body, faults, job.request_id)


def estimated(offered: Offer, percent: int | float, faults: Faults, request_id: str) -> dict[str, object]:
    if faults.quickstart:
        return wrap(_product(offered), request_id)
    body: dict[str, object] = {
        "baseCostMicroCents": offered.full,
        "estimatedCostMicroCents": offered.amount,
        "breakdown": _sum(offered),
        "hasDiscount": percent > 0,
    }
    if percent > 0:
        saved = offered.full - offered.amount
        body["discounted"] = {"type": "percentage_discount", "percentage": percent, "savedMicroCents": saved}
    return enclosed(body, faults, request_id)


def _sum(offered: Offer) -> list[dict[str, object]]:
    """The reference page shows components that add up, so each factor is shown as what it adds to those before it."""
    factors = [each.multiplier for each in offered.price.applied]
    running = [half_up(amount) for amount in accumulate([Fraction(offered.price.base), *factors], mul)]
    added = [running[0], *(after - before for before, after in pairwise(running))]
    names = ["base", *(each.field for each in offered.price.applied)]
    return [{"component": name, "costMicroCents": amount} for name, amount in zip(names, added, strict=True)]


def _product(offered: Offer) -> dict[str, object]:
    factors = {
        each.field: {"value": each.option, "multiplier": float(each.multiplier)} for each in offered.price.applied
    }
    money = {"estimatedCost": offered.amount, "baseCost": offered.price.base, "currency": "micro-cents"}
    return {**money, "factors": factors}


def listed(job: Job, now: datetime) -> dict[str, object]:
    status = job.status(now)
    return {
        "jobId": job.id,
        "status": status,
        "progress": _PROGRESS.get(status, 0),
        "model": job.model,
        "createdAt": timestamp(job.created_at),
        "completedAt": maybe(job.ended_at),
    }


def shown(job: Job, now: datetime, faults: Faults, request_id: str) -> dict[str, object]:
    """The reply to a status call: no cost and no model in the reference form, both in the quickstart's."""
    body = listed(job, now)
    done = job.ended is Status.COMPLETED
    if faults.quickstart:
        file = {"url": output_url(job), "contentType": _content_type(job), "durationSeconds": job.seconds}
        return wrap({**body, "output": file if done else None, "cost": job.cost}, request_id)
    del body["model"]
    media = {"url": output_url(job), "type": job.media, "thumbnail": None, "posterImage": None}
    body["output"], body["outputs"] = (output_url(job), [media]) if done else (None, None)
    body["error"] = dict(FAILURE) if job.ended is Status.FAILED else None
    return enclosed(body, faults, request_id)


def output_url(job: Job) -> str:
    """An address that leads nowhere: `.invalid` is reserved for that."""
    return f"https://cdn.sandbox.invalid/{job.id}.{'mp4' if job.media == 'video' else 'png'}"


def _content_type(job: Job) -> str:
    return "video/mp4" if job.media == "video" else "image/png"
