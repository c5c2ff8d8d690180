"""Every error the gateway itself answers with, one function for each row of the documented table.

The rule of this file: a code has the statuses that `CODES` gives it and no others, and a message says what is wrong
and what to do next. No message repeats a key, a prompt or a webhook address.
"""

from collections.abc import Mapping
from typing import Final

from gateway.web.headers import HOLD_ID, SHOULD_RETRY
from gateway.web.problem import GatewayError

# Code -> its statuses, the usual one first.
CODES: Final[Mapping[str, tuple[int, ...]]] = {
    "UNAUTHORIZED": (401,),
    "INVALID_API_KEY": (401,),
    "API_KEY_INACTIVE": (401,),
    "API_KEY_EXPIRED": (401,),
    "IP_NOT_WHITELISTED": (403,),
    "OPERATION_NOT_ALLOWED": (403,),
    "MODEL_ACCESS_DENIED": (403,),
    "PRICE_UNKNOWN": (403,),
    "INVALID_INPUT": (400, 408, 417),
    "INVALID_WEBHOOK_URL": (400,),
    "BODY_TOO_LARGE": (413,),
    "UNSUPPORTED_MEDIA_TYPE": (415,),
    "REQUEST_EXCEEDS_LIMIT": (402,),
    "BUDGET_EXCEEDED": (402,),
    "BUDGET_HELD": (402,),
    "QUOTA_EXCEEDED": (429,),
    "CONCURRENT_JOBS_EXCEEDED": (429,),
    "RATE_LIMITED": (429,),
    "IDEMPOTENCY_IN_PROGRESS": (409,),
    "IDEMPOTENCY_MISMATCH": (422,),
    "OVERLOADED": (503,),
    "STORE_UNAVAILABLE": (503,),
    "UPSTREAM_UNREACHABLE": (502,),
    "SUBMIT_OUTCOME_UNKNOWN": (504,),
    "NOT_FOUND": (404,),
    "JOB_NOT_FOUND": (404,),
    "METHOD_NOT_ALLOWED": (405,),
    "INTERNAL_ERROR": (500,),
}

NO_RETRY: Final[Mapping[str, str]] = {SHOULD_RETRY: "false"}
_CHALLENGE: Final[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


def _error(
    code: str,
    message: str,
    *,
    status: int | None = None,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    retry_after: int | None = None,
) -> GatewayError:
    chosen = CODES[code][0] if status is None else status
    return GatewayError(chosen, code, message, details or {}, headers or {}, retry_after)


# Who is asking.


def key_missing() -> GatewayError:
    message = 'No key was sent. Send "Authorization: Bearer toll_..." or "x-api-key: toll_...".'
    return _error("UNAUTHORIZED", message, headers=_CHALLENGE)


def key_invalid() -> GatewayError:
    """For a key that is malformed, unknown, or an admin key: which of them is not for a stranger to learn."""
    message = "This is not a key of this gateway. Check that it was copied whole, or ask for a new one."
    return _error("INVALID_API_KEY", message, headers=_CHALLENGE)


def key_inactive() -> GatewayError:
    return _error("API_KEY_INACTIVE", "This key was revoked. Ask for a new one.", headers=_CHALLENGE)


def key_expired() -> GatewayError:
    return _error("API_KEY_EXPIRED", "This key has expired. Ask for a new one.", headers=_CHALLENGE)


def address_not_allowed() -> GatewayError:
    message = "This key may not be used from this address. Ask for the address to be added to the key."
    return _error("IP_NOT_WHITELISTED", message)


def scope_missing(scope: str) -> GatewayError:
    message = f'This key lacks the scope "{scope}". Use a key that has it.'
    return _error("OPERATION_NOT_ALLOWED", message, details={"scope": scope})


def not_allowed(message: str, details: Mapping[str, object] | None = None) -> GatewayError:
    """The key or the team may not run this model, or not with this input."""
    return _error("MODEL_ACCESS_DENIED", message, details=details)


# What is asked.


def invalid_input(field: str, message: str, options: tuple[str, ...] = ()) -> GatewayError:
    """A body that cannot be understood or priced as it stands. `options` are what the field may be, if it is known."""
    allowed = {"options": list(options)} if options else {}
    return _error("INVALID_INPUT", message, details={"field": field, **allowed})


def invalid_request(message: str) -> GatewayError:
    """An HTTP request whose framing or target we do not take."""
    return _error("INVALID_INPUT", message)


def expectation_failed() -> GatewayError:
    return _error("INVALID_INPUT", 'The only expectation this gateway meets is "100-continue".', status=417)


def body_late(seconds: float) -> GatewayError:
    return _error("INVALID_INPUT", f"The body did not arrive within {seconds:g} seconds. Send it again.", status=408)


def invalid_webhook(message: str) -> GatewayError:
    return _error("INVALID_WEBHOOK_URL", message, details={"field": "webhookUrl"})


def body_too_large(limit: int) -> GatewayError:
    return _error("BODY_TOO_LARGE", f"The body is larger than {limit} bytes.", details={"limit_bytes": limit})


def unsupported_media_type(message: str) -> GatewayError:
    return _error("UNSUPPORTED_MEDIA_TYPE", message)


def price_unknown(model: str, version: str | None) -> GatewayError:
    which = f'"{model}"' if version is None else f'version "{version}" of "{model}"'
    message = f"There is no price for {which}, so it cannot be run. Check the slug, or ask for it to be priced."
    return _error("PRICE_UNKNOWN", message, details={"model": model, "version": version})


def price_closed(model: str, version: str | None) -> GatewayError:
    """For a price that the upstream exceeded too often."""
    message = (
        f'"{model}" is closed: the upstream charged more than its price three times within an hour. '
        "Ask for its price to be corrected."
    )
    return _error("PRICE_UNKNOWN", message, details={"model": model, "version": version})


# What limits say. Amounts in `details` are decimal strings of USD with six places, counts are whole numbers.


def exceeds_limit(message: str, details: Mapping[str, object]) -> GatewayError:
    """One job that no amount of waiting makes fit."""
    return _error("REQUEST_EXCEEDS_LIMIT", message, details=details, headers=NO_RETRY)


def budget_exceeded(message: str, details: Mapping[str, object]) -> GatewayError:
    """Without `Retry-After`: client libraries would wait for it, and the window may have weeks to go."""
    return _error("BUDGET_EXCEEDED", message, details=details, headers=NO_RETRY)


def budget_held(message: str, details: Mapping[str, object], retry_after: int | None) -> GatewayError:
    """It would fit if every submit in progress or in doubt came to nothing."""
    return _error("BUDGET_HELD", message, details=details, retry_after=retry_after)


def quota_exceeded(message: str, details: Mapping[str, object], retry_after: int | None) -> GatewayError:
    """`retry_after` is the seconds to the window's end; without one, waiting is no use."""
    headers = NO_RETRY if retry_after is None else None
    return _error("QUOTA_EXCEEDED", message, details=details, headers=headers, retry_after=retry_after)


def too_many_in_flight(message: str, details: Mapping[str, object], retry_after: int | None) -> GatewayError:
    return _error("CONCURRENT_JOBS_EXCEEDED", message, details=details, retry_after=retry_after)


def rate_limited(message: str, details: Mapping[str, object], retry_after: int) -> GatewayError:
    return _error("RATE_LIMITED", message, details=details, retry_after=retry_after)


# What became of it.


def submit_in_progress(hold: str) -> GatewayError:
    message = "A submit with this idempotency key is in progress. Ask again for its answer."
    return _error("IDEMPOTENCY_IN_PROGRESS", message, details={"hold": hold}, headers={HOLD_ID: hold}, retry_after=1)


def submit_in_doubt(hold: str) -> GatewayError:
    message = "The outcome of the same submit is not known yet, so it is not sent again. Ask again for its answer."
    return _error("IDEMPOTENCY_IN_PROGRESS", message, details={"hold": hold}, headers={HOLD_ID: hold}, retry_after=30)


def idempotency_mismatch() -> GatewayError:
    message = "This idempotency key was used with another body. Send a new key with a new body."
    return _error("IDEMPOTENCY_MISMATCH", message, headers=NO_RETRY)


def overloaded() -> GatewayError:
    message = "All connections to the upstream are busy. Nothing was sent or charged; try again."
    return _error("OVERLOADED", message, retry_after=1)


def store_unavailable() -> GatewayError:
    message = "Limits cannot be checked at the moment. Nothing was sent or charged; try again."
    return _error("STORE_UNAVAILABLE", message, retry_after=2)


def owner_unknown() -> GatewayError:
    """Whose something is cannot be read: nobody guesses."""
    message = "Whose this is cannot be read at the moment. Nothing was sent; ask again."
    return _error("STORE_UNAVAILABLE", message, retry_after=2)


def upstream_silent() -> GatewayError:
    """For anything but a submit: it may have been heard, and asking again costs nothing."""
    return _error("UPSTREAM_UNREACHABLE", "The upstream gave no answer. Ask again.")


def upstream_unreachable(hold: str) -> GatewayError:
    message = "The upstream could not be reached. Nothing was sent or charged; try again."
    return _error("UPSTREAM_UNREACHABLE", message, headers={HOLD_ID: hold})


def outcome_unknown(hold: str) -> GatewayError:
    message = (
        "The upstream may have taken this job; its cost stays held until that is known. "
        "Do not send it again: it could run, and cost, twice."
    )
    headers = {**NO_RETRY, HOLD_ID: hold}
    return _error("SUBMIT_OUTCOME_UNKNOWN", message, details={"hold": hold}, headers=headers)


# What is not there, and our own mistakes.


def not_found() -> GatewayError:
    return _error("NOT_FOUND", "There is nothing at this address.")


def job_not_found() -> GatewayError:
    """For a job that never was, and for one of others: which of them is not for a stranger to learn."""
    return _error("JOB_NOT_FOUND", "There is no such job.")


def method_not_allowed(allow: str) -> GatewayError:
    message = f"This address does not take this method. It takes: {allow}."
    return _error("METHOD_NOT_ALLOWED", message, headers={"Allow": allow})


def internal_error() -> GatewayError:
    return _error("INTERNAL_ERROR", "The gateway made a mistake. The request id finds it in the gateway's log.")
