"""A change that is asked for twice with one idempotency key is made once.

The rule of this file: a repetition gets the answer of the first time, but no secret: those are kept nowhere. What was
refused may be asked anew.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.role import Administrator
from gateway.ports.administration import Answered, Claimed, InProgress, OtherRequest, Repeats
from gateway.web import admin_errors, errors
from gateway.web.operation import Answer, Operation
from gateway.web.problem import GatewayError

HEADER: Final = "Idempotency-Key"
_SANE = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Again:
    """The answer of the first time."""

    answered: Answered


async def once(
    repeats: Repeats,
    operation: Operation,
    by: Administrator,
    key: str | None,
    asked: Mapping[str, object],
    work: Callable[[], Awaitable[Answer | GatewayError]],
) -> Answer | GatewayError | Again:
    """What `work` comes to, or came to when it was asked for with this key. Raises StoreUnavailable."""
    if key is None:
        return await work()
    if not _SANE.fullmatch(key):
        return errors.invalid_input(HEADER, f'"{HEADER}" must be 1 to 255 visible ASCII characters.')
    name = _digest([by.id, key])
    request = _digest([operation.name, asked])
    match await repeats.claim(name, request):
        case InProgress():
            return admin_errors.in_progress()
        case OtherRequest():
            return errors.idempotency_mismatch()
        case Answered() as answered:
            return Again(answered)
        case Claimed():
            told = await work()
    if isinstance(told, GatewayError):
        await repeats.forget(name)
    else:
        await repeats.keep(name, request, Answered(_without_secret(operation, told), told.etag))
    return told


def _without_secret(operation: Operation, told: Answer) -> str:
    if operation.sensitive is None:
        return told.text
    return told.document.model_copy(update={operation.sensitive: None}).model_dump_json(exclude_unset=True)


def _digest(asked: object) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
