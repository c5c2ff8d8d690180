"""What a submit that was sent again gets: the first one's answer, or word of how the first one stands.

The rule of this file: only an answer that cost money is given twice. What was refused or released is free to be tried
anew, and the store forgets it by itself.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.ending import JobStatus
from gateway.core.ledger import Hold, State
from gateway.core.money import MicroUsd
from gateway.core.reply import Reply

MAX_KEPT_BODY = 16 * 1024


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A hold as it stands in the store.

    `job` and `cost` (micro-USD, what was posted) are None before capture; `reply` is the upstream's answer where it was
    kept. `status` is the job's as last learnt, `ended_at` (UTC) when it ended; `cancelling_at` (UTC) is when a cancel
    was last forwarded. `refunded` (micro-USD) is what came back, `refund_named` whether the upstream named it;
    `contradicted` whether a fact was written down that contradicts the end. `cause` is why it was last doubted, voided
    or lost; `matched` by which evidence it was captured, where that was not the answer to its submit.
    """

    hold: Hold
    state: State
    job: str | None
    cost: MicroUsd | None
    reply: Reply | None = None
    status: JobStatus | None = None
    ended_at: datetime | None = None
    cancelling_at: datetime | None = None
    refunded: MicroUsd | None = None
    refund_named: bool = False
    contradicted: bool = False
    cause: str | None = field(default=None, compare=False)
    matched: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same submit is under way or in doubt, in `state`; or its idempotency key was used with another body."""

    hold: str
    state: State
    same_body: bool


@dataclass(frozen=True, slots=True)
class Replayed:
    """The same submit was accepted before: its answer, once more. Nothing was held and nothing sent."""

    hold: Hold
    reply: Reply
    cost: MicroUsd


def recalled(record: HoldRecord, *, same_body: bool) -> Repeated | Replayed:
    """What a submit gets that the store recognised as the one that `record` is of."""
    hold = record.hold
    if not same_body or record.job is None or record.cost is None:
        return Repeated(hold.id, record.state, same_body)
    reply = record.reply or _rebuilt(hold, record.job, record.cost)
    return Replayed(hold, reply, record.cost)


def kept(reply: Reply) -> Reply | None:
    """What of an accepted submit's reply is kept for the next who asks: its status, type and body, if it is short."""
    if len(reply.body) > MAX_KEPT_BODY:
        return None
    types = [value for name, value in reply.headers.items() if name.lower() == "content-type"]
    return Reply(reply.status, {"Content-Type": types[0]} if types else {}, reply.body)


def _rebuilt(hold: Hold, job: str, cost: MicroUsd) -> Reply:
    """The documented reply, from what the ledger knows: the bytes were lost in a crash, or were never seen here."""
    body = {
        "jobId": job,
        "requestId": hold.request_id,
        "status": "pending",
        "estimatedCompletionTime": None,
        "costMicroCents": cost,
    }
    return Reply(200, {"Content-Type": "application/json"}, json.dumps(body).encode())
