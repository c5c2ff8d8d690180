"""The name of exactly one set of policy and price files, the same everywhere; and who made which one live when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway.core.timestamp import timestamp

# What an author names as the live version where none is.
NONE_LIVE: Final = "none"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who makes a version live, when (UTC), and what they say of it."""

    author: str
    at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """One line of the history: a version became live, in the place of another (None: of nothing)."""

    version: str
    replaced: str | None
    signature: Signature


def version_of(files: Mapping[str, str]) -> str:
    """16 hex digits of SHA-256 over paths and texts, sorted by path. Lengths keep one file from posing as two."""
    digest = sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()[:16]


def encode_applied(line: Applied) -> str:
    """A line of the history as JSON."""
    signed = line.signature
    said = {"author": signed.author, "at": timestamp(signed.at), "message": signed.message}
    return json.dumps({"version": line.version, "replaced": line.replaced, **said})


def decode_applied(text: str | bytes) -> Applied:
    said = json.loads(text)
    signature = Signature(said["author"], datetime.fromisoformat(said["at"]), said["message"])
    return Applied(said["version"], said["replaced"], signature)
