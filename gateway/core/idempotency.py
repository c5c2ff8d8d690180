"""How a client says that two submits are one: its `Idempotency-Key`, bound to its team and to what it asked for.

The rule of this file: the key itself is never kept, only a digest of it; and what a key is bound to is the body as the
client asked it, so that a change of prices or defaults between two tries makes no other body of it.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from gateway.core.job import JobRequest, asked_body

_KEY: Final = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key as we keep it: `key` digests the key and its team, `body` the canonical body; both in hex."""

    key: str
    body: str


def read_idempotency_key(header: str) -> str | None:
    """The key in an `Idempotency-Key` header, 1 to 255 visible ASCII characters, quoted or bare; None if it is none."""
    text = header.strip(" \t")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text if _KEY.fullmatch(text) else None


def idempotency(key: str, team: str, job: JobRequest, *, test: bool) -> Idempotency:
    """The key of one team's submit. Test keys have theirs apart, as they have their accounts."""
    scoped = f"{'test' if test else 'live'} {team} {key}"
    return Idempotency(_hex(scoped.encode()), _hex(asked_body(job)))


def twin(virtual_key: str, digest: str) -> str:
    """Names equal bodies of one virtual key, of which `digest` is that of the bytes sent."""
    return _hex(f"{virtual_key} {digest}".encode())


def _hex(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
