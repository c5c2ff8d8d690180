"""How the gateway's own errors look on the wire.

The rule of this file: an error of ours has the upstream's envelope, so that a client needs one way to read both, and
says that it is ours. A client that prefers problem details (RFC 9457) gets the same facts in that form.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from gateway.web import headers
from gateway.web.told import Told

ENVELOPE: Final = "application/json"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class GatewayError:
    """An error of ours. `retry_after` (whole seconds) appears as `Retry-After` and as `details.retryAfter`."""

    status: int
    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None


def render(error: GatewayError, request_id: str, accept: str) -> Told:
    """The answer for an error. `accept` is the request's `Accept`, empty when there was none."""
    details = {**error.details, "source": "gateway"}
    extra = {**error.headers, headers.ERROR_SOURCE: "gateway", headers.REQUEST_ID: request_id}
    if error.retry_after is not None:
        details["retryAfter"] = error.retry_after
        extra["Retry-After"] = str(error.retry_after)
    problem = prefers_problem(accept)
    document = _problem(error, details, request_id) if problem else _envelope(error, details, request_id)
    extra["Content-Type"] = PROBLEM if problem else ENVELOPE
    return Told(error.status, extra, json.dumps(document).encode())


def _envelope(error: GatewayError, details: Mapping[str, object], request_id: str) -> dict[str, object]:
    told = {"code": error.code, "message": error.message, "details": details}
    return {"success": False, "error": told, "requestId": request_id}


def _problem(error: GatewayError, details: Mapping[str, object], request_id: str) -> dict[str, object]:
    return {
        "type": f"urn:tollhouse:error:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "details": details,
        "requestId": request_id,
    }


def prefers_problem(accept: str) -> bool:
    """Whether problem details are wanted more than plain JSON (RFC 9110, 12.5.1). The envelope wins a tie."""
    if PROBLEM not in accept.lower():
        return False
    ranges = dict(_ranges(accept))
    return _quality(ranges, PROBLEM) > _quality(ranges, ENVELOPE)


def _quality(ranges: Mapping[str, float], media_type: str) -> float:
    """The quality of the most specific range that covers `media_type`; 0 when none does."""
    covering = (media_type, "application/*", "*/*")
    return next((ranges[one] for one in covering if one in ranges), 0.0)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        weights = (parameter[2:] for parameter in parameters if parameter.startswith("q="))
        yield media_range, _weight(next(weights, "1"))


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
