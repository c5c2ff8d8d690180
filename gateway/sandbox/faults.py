"""How the sandbox treats one submit: how long it takes, how the answer departs from the documents, how the job ends.

The same names serve in three places, the later winning: the configuration (and the command's flags), request headers
(`latency_ms` as `X-Sandbox-Latency-Ms`), and an object called `sandbox` in the job's `input`, which a gateway forwards
as a field it does not know. A misspelt name or value is refused, so that no test passes because its fault never came.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from gateway.sandbox.replies import STATUS_OF, Refusal

HEADER_PREFIX: Final = "x-sandbox-"
ERROR_BODIES: Final = ("envelope", "bare", "html")
_USUAL_CODE: Final = {
    400: "INVALID_INPUT",
    401: "INVALID_API_KEY",
    402: "INSUFFICIENT_BALANCE",
    403: "FORBIDDEN",
    404: "MODEL_NOT_FOUND",
    429: "CONCURRENT_JOBS_EXCEEDED",
    503: "PUBSUB_PUBLISH_FAILED",
}


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError("not a number from 0")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("not a whole number from 0")
    return value


def _status(value: object) -> int:
    if not 200 <= (status := _whole(value)) <= 599:
        raise ValueError("not an HTTP status")
    return status


def _decimal(value: object) -> str:
    """Kept as digits, so that no float comes near a price."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", str(value)):
        raise ValueError("not a plain decimal number from 0")
    return str(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value:
        raise ValueError("not a text")
    return value


def _error_body(value: object) -> str:
    if value not in ERROR_BODIES:
        raise ValueError(f"not one of {', '.join(ERROR_BODIES)}")
    return str(value)


def _anything(value: object) -> object:
    return value


def _fault(default: object, read: Callable[[object], object], about: str) -> Any:
    """`about` is also the help text of the command's option."""
    return field(default=default, metadata={"read": read, "about": about})


@dataclass(frozen=True, slots=True)
class Faults:
    """All of it at rest is the documented behaviour. Several faults at once: the one named first here wins."""

    latency_ms: float = _fault(0, _number, "wait this long before anything else")
    reset_before: bool = _fault(False, _flag, "reset the connection; no job is made")
    status: int | None = _fault(None, _status, "answer this status; from 300 on no job is made")
    code: str | None = _fault(None, _text, "error code of that answer; alone it brings its documented status")
    redirect: str | None = _fault(None, _text, "Location of that answer; alone it brings status 307")
    error_body: str = _fault("envelope", _error_body, "form of an error's body: envelope, bare or html")
    accepted: bool = _fault(False, _flag, "make and charge the job although an error is answered")
    hang: bool = _fault(False, _flag, "make and charge the job, never answer")
    reset_after: bool = _fault(False, _flag, "make and charge the job, reset the connection")
    truncated: bool = _fault(False, _flag, "promise more bytes than are sent, then close")
    unreadable: bool = _fault(False, _flag, "answer 200 with broken JSON")
    no_job_id: bool = _fault(False, _flag, "answer without jobId")
    repeated_job_id: bool = _fault(False, _flag, "answer with the id of the job before")
    cost: object = _fault(
        None, _anything, "report this JSON value as the cost; charge it too if it is whole and from 0 to 2^53-1"
    )
    cost_missing: bool = _fault(False, _flag, "report no cost")
    cost_factor: str = _fault("1", _decimal, "charge and report this multiple of the price")
    wrapped: bool = _fault(False, _flag, "wrap replies in success, data and requestId")
    quickstart: bool = _fault(False, _flag, "answer in the quickstart's dialect: estimatedCost, always wrapped")
    echo: bool = _fault(False, _flag, "repeat the received credentials in the reply's body and in a header")
    failure_rate: float = _fault(0, _number, "share of jobs that fail, 0 to 1; failed jobs are refunded")
    pending_seconds: float = _fault(2, _number, "how long a job is pending")
    processing_seconds: float = _fault(3, _number, "how long a job is then processing")
    media_seconds: int = _fault(5, _whole, "length of the reference video, where it decides the price")

    @property
    def error_status(self) -> int | None:
        """The status of the error to answer; None: no error was asked for."""
        if self.status is not None:
            return self.status if self.status >= 300 else None
        if self.redirect is not None:
            return 307
        return None if self.code is None else STATUS_OF.get(self.code, 500)

    @property
    def error_code(self) -> str:
        """The code asked for, else a documented one of that status."""
        if self.code is not None:
            return self.code
        return _USUAL_CODE.get(self.error_status or 500, "INTERNAL_ERROR")


NAMES: Final[Mapping[str, str]] = {each.name: each.metadata["about"] for each in fields(Faults)}
FLAGS: Final = frozenset(each.name for each in fields(Faults) if each.metadata["read"] is _flag)
_READ: Final[Mapping[str, Callable[[object], object]]] = {each.name: each.metadata["read"] for each in fields(Faults)}


def merge(faults: Faults, given: object) -> Faults | Refusal:
    """`faults` changed by an object of field -> JSON value."""
    if not isinstance(given, dict):
        return Refusal("INVALID_INPUT", "input.sandbox is not an object")
    changed: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _READ:
            return Refusal("INVALID_INPUT", f"The sandbox has no fault called {name}", {"faults": list(NAMES)})
        try:
            changed[name] = _READ[name](value)
        except ValueError as broken:
            return Refusal("INVALID_INPUT", f"Sandbox fault {name}: {broken}")
    return replace(faults, **changed)


def merge_headers(faults: Faults, headers: Mapping[str, str]) -> Faults | Refusal:
    """`faults` changed by the request's `X-Sandbox-...` headers."""
    ours = {name: text for name, text in headers.items() if name.lower().startswith(HEADER_PREFIX)}
    if not ours:
        return faults
    return merge(
        faults, {name[len(HEADER_PREFIX) :].lower().replace("-", "_"): from_text(text) for name, text in ours.items()}
    )


def from_text(text: str) -> object:
    """A header's or an option's value: JSON where it reads as JSON (`503`, `true`, `"5"`), else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
