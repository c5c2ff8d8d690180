"""The upstream's reply envelope, and the documented error codes with their HTTP statuses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

RETRY_AFTER_SECONDS: Final = 30

STATUS_OF: Final[Mapping[str, int]] = {
    "INVALID_INPUT": 400,
    "INVALID_MODEL_SLUG": 400,
    "MODEL_VERSION_NOT_ACTIVE": 400,
    "INVALID_WEBHOOK_URL": 400,
    "JOB_CANNOT_BE_CANCELLED": 400,
    "UNAUTHORIZED": 401,
    "INVALID_API_KEY": 401,
    "API_KEY_INACTIVE": 401,
    "API_KEY_EXPIRED": 401,
    "INVALID_SESSION": 401,
    "INVALID_WORKER_SECRET": 401,
    "INSUFFICIENT_BALANCE": 402,
    "FORBIDDEN": 403,
    "MODEL_ACCESS_DENIED": 403,
    "OPERATION_NOT_ALLOWED": 403,
    "IP_NOT_WHITELISTED": 403,
    "UNAUTHORIZED_ACCESS": 403,
    "USER_BANNED": 403,
    "USER_INACTIVE": 403,
    "MODEL_NOT_FOUND": 404,
    "MODEL_VERSION_NOT_FOUND": 404,
    "JOB_NOT_FOUND": 404,
    "USER_NOT_FOUND": 404,
    "CONCURRENT_JOBS_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "CONFIG_ERROR": 500,
    "PUBSUB_PUBLISH_FAILED": 503,
    # The documents state no HTTP status for the next three; these are the ordinary ones.
    "VALIDATION_ERROR": 400,
    "INVALID_CONTENT_TYPE": 400,
    "NOT_FOUND": 404,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not a success: documented code, a sentence, and what else helps."""

    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return STATUS_OF[self.code]


def send(body: object, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")


def wrap(data: object, request_id: str) -> dict[str, object]:
    """The form that most pages describe and few show: `success`, `data`, `requestId`."""
    return {"success": True, "data": data, "requestId": request_id}


def error_envelope(refusal: Refusal, request_id: str) -> dict[str, object]:
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = dict(refusal.details)
    return {"success": False, "error": error, "requestId": request_id}


def refuse(refusal: Refusal, request_id: str) -> web.Response:
    return send(error_envelope(refusal, request_id), refusal.status)
