"""Reading a submit or estimate body as a careless service does: lenient JSON, both dialects, unknown fields ignored."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.sandbox.catalogue import Model, models
from gateway.sandbox.replies import Refusal

# The documents list no versions; the sandbox has this one for every model. Left out means the latest, so this one too.
VERSION: Final = "v1"

_SLUG: Final = re.compile(r"[a-z0-9.-]+(/[a-z0-9.-]+){1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    model: Model
    input: Mapping[str, object]
    webhook_url: str | None


def read_body(raw: bytes) -> dict[str, object] | Refusal:
    """One JSON object; of duplicate keys the last one counts, as in most parsers."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Refusal("INVALID_INPUT", "The body is not JSON")
    return body if isinstance(body, dict) else Refusal("INVALID_INPUT", "The body is not a JSON object")


def read_order(body: Mapping[str, object], *, input_required: bool = True) -> Order | Refusal:
    """`model`/`version` of the reference pages, or `modelSlug`/`modelVersion` of the webhook and pricing pages."""
    model = _model(body.get("model", body.get("modelSlug")), body.get("version", body.get("modelVersion")))
    if isinstance(model, Refusal):
        return model
    given = body.get("input")
    if given is None and not input_required:
        given = {}
    if not isinstance(given, dict):
        return Refusal("INVALID_INPUT", "input is required and is an object", {"field": "input"})
    webhook_url = body.get("webhookUrl")
    if webhook_url is not None and not (isinstance(webhook_url, str) and _acceptable(webhook_url)):
        return Refusal("INVALID_WEBHOOK_URL", "webhookUrl is not an https address")
    return Order(model, given, webhook_url)


def _model(slug: object, version: object) -> Model | Refusal:
    if not isinstance(slug, str):
        return Refusal("INVALID_INPUT", "model is required and is a string", {"field": "model"})
    if not _SLUG.fullmatch(slug):
        return Refusal("INVALID_MODEL_SLUG", "model has the form provider/model/capability")
    model = models().get(slug)
    if model is None:
        return Refusal("MODEL_NOT_FOUND", f"There is no model {slug}")
    if version not in (None, VERSION):
        return Refusal("MODEL_VERSION_NOT_FOUND", f"{slug} has only the version {VERSION}")
    return model


def _acceptable(url: str) -> bool:
    """https, or http to this machine, which the real service refuses and a sandbox needs."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
