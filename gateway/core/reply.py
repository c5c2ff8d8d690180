"""Reading what the upstream answers to a submit: a pure table from status and bytes to an outcome.

The rule of this file: a hold is freed only by a documented refusal in the documented body. Whatever cannot be read
beyond doubt is unknown, and unknown keeps the money held. Codes, statuses and both dialects of the reply are the
provider's, as its pages document them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from gateway.core.money import MAX_AMOUNT, MicroUsd, round_up
from gateway.core.strict_json import decoded
from gateway.core.timestamp import read_time
from gateway.core.value import value

REFUSAL_STATUSES: Final = frozenset({400, 401, 402, 403, 404, 413, 415, 422, 429})

DOCUMENTED_CODES: Final = frozenset({
    "INVALID_INPUT", "INVALID_MODEL_SLUG", "MODEL_VERSION_NOT_ACTIVE", "INVALID_WEBHOOK_URL",
    "JOB_CANNOT_BE_CANCELLED", "UNAUTHORIZED", "INVALID_API_KEY", "API_KEY_INACTIVE", "API_KEY_EXPIRED",
    "INVALID_SESSION", "INVALID_WORKER_SECRET", "INSUFFICIENT_BALANCE", "MODEL_ACCESS_DENIED",
    "OPERATION_NOT_ALLOWED", "IP_NOT_WHITELISTED", "UNAUTHORIZED_ACCESS", "USER_BANNED", "USER_INACTIVE",
    "FORBIDDEN", "MODEL_NOT_FOUND", "MODEL_VERSION_NOT_FOUND", "JOB_NOT_FOUND", "USER_NOT_FOUND",
    "CONCURRENT_JOBS_EXCEEDED", "INTERNAL_ERROR", "CONFIG_ERROR", "PUBSUB_PUBLISH_FAILED", "VALIDATION_ERROR",
    "INVALID_CONTENT_TYPE", "NOT_FOUND",
})  # fmt: skip

# How the cause begins of a doubt in which the upstream spoke, in its documented words.
DOCUMENTED_5XX: Final = "status"
_MAX_JOB_ID: Final = 256
# Digits that are quickly read as an `int`, whose time grows with the square of their count.
_SHORT: Final = 18


@value
class Reply:
    """A complete answer of the upstream: status, headers as they came, bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@value
class Accepted:
    """2xx with a job id. `cost` is None when the reply names none that can be read (micro-USD otherwise).

    `estimated_at` is when the job may have ended, in the provider's words, if those are an instant.
    """

    job_id: str
    cost: MicroUsd | None
    reply: Reply
    estimated_at: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A documented refusal, in the documented body: no job was made."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the submit left: name, connect or TLS failure, or the deadline passed before the first byte."""

    cause: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes may have left and no answer settles it. A `reply` is passed on (5xx); without one the client gets 504.

    `surprising` marks what a sound upstream never does (3xx, a 4xx without the envelope, an id bound already).
    """

    cause: str
    reply: Reply | None = None
    surprising: bool = False


UpstreamResult: TypeAlias = Accepted | Rejected | NotSent | Unknown


def read_submit_reply(reply: Reply) -> Accepted | Rejected | Unknown:
    """What a complete answer to a submit means for its hold."""
    if 200 <= reply.status < 300:
        return _read_success(reply)
    if 300 <= reply.status < 400:
        return Unknown(f"redirect {reply.status}", surprising=True)
    documented = error_code(reply.body) in DOCUMENTED_CODES
    if reply.status >= 500:
        cause = f"{DOCUMENTED_5XX if documented else 'undocumented'} {reply.status}"
        return Unknown(cause, reply, surprising=not documented)
    if reply.status in REFUSAL_STATUSES and documented:
        return Rejected(reply)
    return Unknown(f"undocumented {reply.status}", surprising=True)


def _read_success(reply: Reply) -> Accepted | Unknown:
    body = read_document(reply.body)
    if body is None:
        return Unknown(f"unreadable {reply.status}", surprising=True)
    data = unwrapped(body)
    job_id = read_job_id(data)
    if job_id is None:
        return Unknown("no job id", surprising=True)
    estimated_at = data.get("estimatedCompletionTime")
    return Accepted(job_id, read_cost(data), reply, estimated_at if read_time(estimated_at) else None)


def read_job_id(data: Mapping[str, Any]) -> str | None:
    """The job that a reply names, in visible ASCII; None for what is no id."""
    job_id = data.get("jobId")
    if not isinstance(job_id, str) or not job_id.isascii() or not job_id.isprintable():
        return None
    return job_id if 0 < len(job_id) <= _MAX_JOB_ID and " " not in job_id else None


def read_cost(data: Mapping[str, Any]) -> MicroUsd | None:
    """The cost a reply names, in micro-USD, fractions rounded up; None when it names none that can be believed.

    `costMicroCents` is the reference form, `estimatedCost` the quickstart's.
    """
    return read_amount(data.get("costMicroCents", data.get("estimatedCost")))


def read_amount(named: object) -> MicroUsd | None:
    """An amount that a reply names, in micro-USD, fractions rounded up; None for what cannot be believed."""
    if type(named) is int:
        return named if 0 <= named <= MAX_AMOUNT else None
    if not isinstance(named, Decimal) or not named.is_finite() or named < 0 or named > MAX_AMOUNT:
        return None
    return round_up(named)


def error_code(body: bytes) -> str | None:
    """The machine code of an error in the provider's envelope; `success` and `requestId` may be missing from it."""
    document = read_document(body)
    error = document.get("error") if document else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else None


def unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    """The reply itself: some come inside `data` of the envelope, and some flat."""
    data = document.get("data")
    return data if isinstance(data, dict) else document


def read_document(body: bytes) -> dict[str, Any] | None:
    """A reply's JSON object, its numbers exact; None for anything else."""
    try:
        document = decoded(body.decode("utf-8"), _DECODER)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _whole(text: str) -> int | Decimal | None:
    return int(text) if len(text) <= _SHORT else _number(text)


def _number(text: str) -> Decimal | None:
    """A number of any length; None where its exponent is out of all bounds. It must not make the reply unreadable."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


_DECODER: Final = json.JSONDecoder(parse_int=_whole, parse_float=_number)
