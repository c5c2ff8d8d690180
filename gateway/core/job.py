"""The submit body: read strictly, priced, written anew, and priced once more before it may leave.

The rule of this file: what was priced is what is sent. No byte of the client's body is ever forwarded; the bytes that
are come from the values that were priced, with every priced default written out.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.core.field_name import shown
from gateway.core.pricing import PriceBook, Quote
from gateway.core.strict_json import Unreadable, read_object, write_object
from gateway.core.value import value

# The provider's pages use two dialects for the same two fields; one body may use only one of them.
_DIALECTS: Final = (("model", "version"), ("modelSlug", "modelVersion"))
_FIELDS: Final = frozenset({"model", "version", "modelSlug", "modelVersion", "input", "webhookUrl"})
_USUAL: Final = _FIELDS - {"modelSlug", "modelVersion"}

_SLUG = re.compile(r"[!-~]{1,200}")
_VERSION = re.compile(r"[!-~]{1,100}")


@value
class JobRequest:
    """What a client asks for, whichever dialect it used. `input` is parsed JSON, each value in the type it came in."""

    model: str
    version: str | None
    input: Mapping[str, object]
    webhook_url: str | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A body that is not a submit. `field` is the client's field, or `body`; the message is a sentence naming it."""

    field: str
    message: str


@value
class Sealed:
    """The bytes to send, a SHA-256 in hex, and the `input` in them: the client's fields and the pinned ones.

    The digest is of what was asked: the bytes to send with the client's own webhook address, whatever address they
    have. Names are sorted at every level, so two bodies that differ only in their order have the same digest.
    """

    body: bytes
    digest: str
    input: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SealBroken:
    """The bytes to send do not read or price as what was quoted. Our mistake, never the client's: nothing is sent."""

    reason: str


def parse(raw: bytes) -> JobRequest | Malformed:
    """Read a submit body. Never raises, whatever the bytes."""
    document = read_object(raw)
    if isinstance(document, Unreadable):
        return Malformed(document.field, document.message)
    dialect = _dialect(document)
    if isinstance(dialect, Malformed):
        return dialect
    model, version = dialect
    wrong = _wrong_names(document, model, version) or _wrong_values(document)
    if wrong is not None:
        return wrong
    return JobRequest(document[model], document.get(version), document["input"], document.get("webhookUrl"))


def _dialect(document: Mapping[str, Any]) -> tuple[str, str] | Malformed:
    if document.keys() <= _USUAL:
        return _DIALECTS[0]
    for name in document:
        if name not in _FIELDS:
            return Malformed(shown(name) or "body", f'"{shown(name)}" is not a field of a submit.')
    used = [names for names in _DIALECTS if not document.keys().isdisjoint(names)]
    if len(used) > 1:
        return Malformed("model", 'Use "model" and "version" or "modelSlug" and "modelVersion", not both in one body.')
    return used[0] if used else _DIALECTS[0]


def _wrong_names(document: Mapping[str, Any], model: str, version: str) -> Malformed | None:
    if model not in document:
        return Malformed(model, f'"{model}" is missing: the slug of the model to run.')
    slug = document[model]
    if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
        return Malformed(model, f'"{model}" must be a string of 1 to 200 visible ASCII characters.')
    if version not in document:
        return None
    chosen = document[version]
    if not isinstance(chosen, str) or not _VERSION.fullmatch(chosen):
        return Malformed(version, f'"{version}" must be a string of 1 to 100 visible ASCII characters, or left out.')
    return None


def _wrong_values(document: Mapping[str, Any]) -> Malformed | None:
    if "input" not in document:
        return Malformed("input", '"input" is missing: an object with the inputs of the model.')
    if not isinstance(document["input"], dict):
        return Malformed("input", '"input" must be an object.')
    if not isinstance(document.get("webhookUrl", ""), str):
        return Malformed("webhookUrl", '"webhookUrl" must be a string, or left out.')
    return None


def seal(
    job: JobRequest, quote: Quote, prices: PriceBook, now: datetime, relay: str | None = None
) -> Sealed | SealBroken:
    """Write the body to send for a job quoted by `prices` at `now`, and prove that it is the one that was quoted.

    The upstream is told `relay`, if there is one, in the place of the client's webhook address.
    """
    if not job.input.keys().isdisjoint(quote.pinned):
        return SealBroken("a field that the client gave was priced as left out")
    asked = JobRequest(job.model, job.version, {**job.input, **quote.pinned}, job.webhook_url) if quote.pinned else job
    sent = asked if relay is None else JobRequest(asked.model, asked.version, asked.input, relay)
    body = _write(sent)
    if (reason := _broken(body, sent, quote, prices, now)) is not None:
        return SealBroken(reason)
    return Sealed(body, hashlib.sha256(body if sent is asked else _write(asked)).hexdigest(), asked.input)


def asked_body(job: JobRequest) -> bytes:
    """The canonical form of what the client asked, whatever its order and dialect, before any default is written."""
    return _write(job)


def _write(job: JobRequest) -> bytes:
    document: dict[str, object] = {"model": job.model, "input": job.input}
    if job.version is not None:
        document["version"] = job.version
    if job.webhook_url is not None:
        document["webhookUrl"] = job.webhook_url
    return write_object(document)


def _broken(body: bytes, sent: JobRequest, quote: Quote, prices: PriceBook, now: datetime) -> str | None:
    received = parse(body)
    if not isinstance(received, JobRequest) or received != sent:
        return "the body to send does not read as what was priced"
    again = prices.quote(received.model, received.version, received.input, now)
    if not isinstance(again, Quote):
        return "the body to send has no price"
    if again.pinned:
        return "the body to send leaves out a priced field"
    if again is not quote and _price(again) != _price(quote):
        return "the body to send has another price than was quoted"
    return None


def _price(quote: Quote) -> tuple[object, ...]:
    return quote.amount, quote.hold_amount, quote.factors, quote.meters, quote.rate_card
