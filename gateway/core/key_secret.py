"""The secret a client holds: how it is made, recognised without asking anyone, and digested for the store.

The rule of this file: a secret is its prefix, 30 base62 characters of entropy, and 6 of the CRC-32 of all before them,
so that a mistyped or made-up one costs no look-up. Only its HMAC-SHA-256 is ever stored.
"""

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ENTROPY_BYTES: Final = 64

_ENTROPY_CHARACTERS: Final = 30
_CHECKSUM_CHARACTERS: Final = 6
_ID_CHARACTERS: Final = 20
# The largest multiple of 62 that a byte can reach: from there on, the first 8 characters would come more often.
_UNBIASED: Final = 256 - 256 % len(ALPHABET)

_SECRET = re.compile(r"toll_(?P<kind>live|test|admin)_[0-9A-Za-z]{30}(?P<checksum>[0-9A-Za-z]{6})", re.ASCII)
# HMAC, as RFC 2104 defines it for SHA-256.
_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

_VERSIONED = re.compile(r"(?P<version>[1-9][0-9]{0,5}):(?P<pepper>\S+)", re.ASCII)


class Kind(StrEnum):
    """What a secret opens: the data plane, the data plane against the sandbox, or the control plane."""

    LIVE = "live"
    TEST = "test"
    ADMIN = "admin"


def mint(kind: Kind, entropy: bytes) -> str:
    """Make a secret. `entropy` is ENTROPY_BYTES random bytes."""
    body = f"toll_{kind}_{_base62(entropy, _ENTROPY_CHARACTERS)}"
    return body + _checksum(body)


def public_id(entropy: bytes, prefix: str = "key_") -> str:
    """Make the id by which a key is named in public. `entropy` is ENTROPY_BYTES random bytes, others than the key's."""
    return prefix + _base62(entropy, _ID_CHARACTERS)


def _base62(entropy: bytes, count: int) -> str:
    """Draw characters by rejection: bytes from 248 on are skipped, the rest divide evenly among the 62.

    Too few of 64 bytes are usable once in about 10^34 draws; then ValueError, rather than a weaker key.
    """
    usable = [byte for byte in entropy if byte < _UNBIASED]
    if len(usable) < count:
        raise ValueError(f"{len(entropy)} bytes of entropy are too few for {count} characters")
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in usable[:count])


def _checksum(body: str) -> str:
    rest = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(_CHECKSUM_CHARACTERS):
        rest, digit = divmod(rest, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def kind_of(secret: str) -> Kind | None:
    """What a text opens if it has the form and checksum of a secret, else None. Looks nothing up."""
    matched = _SECRET.fullmatch(secret)
    if matched is None or matched["checksum"] != _checksum(secret[:-_CHECKSUM_CHARACTERS]):
        return None
    return Kind(matched["kind"])


@dataclass(frozen=True, slots=True)
class Peppers:
    """The HMAC keys of digests, by version. New keys are digested under `current`; older ones are still recognised."""

    current: int
    versions: Mapping[int, bytes] = field(repr=False)
    newest_first: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.current not in self.versions or not all(self.versions.values()):
            raise ValueError("the current pepper must be among the peppers, and none may be empty")
        order = sorted(self.versions, key=lambda version: (version != self.current, -version))
        object.__setattr__(self, "newest_first", tuple(self.versions[version] for version in order))


def parse_peppers(text: str) -> Peppers:
    """Read one pepper, or several as `VERSION:PEPPER` apart by white space; the highest version is the current one.

    A pepper without a version has version 1. Raises ValueError, without quoting the text.
    """
    words = text.split()
    if len(words) == 1 and _VERSIONED.fullmatch(words[0]) is None:
        return Peppers(1, {1: words[0].encode()})
    found = [_VERSIONED.fullmatch(word) for word in words]
    versions = {int(one["version"]): one["pepper"].encode() for one in found if one is not None}
    if not words or len(versions) != len(words):
        raise ValueError("write one pepper, or VERSION:PEPPER for each of several, every version once")
    return Peppers(max(versions), versions)


def digest(secret: str, pepper: bytes) -> str:
    """HMAC-SHA-256 of a secret, in hex: what the store knows of it."""
    inner, outer = _keyed(pepper)
    within, around = inner.copy(), outer.copy()
    within.update(secret.encode("utf-8"))
    around.update(within.digest())
    return around.hexdigest()


@lru_cache(maxsize=16)
def _keyed(pepper: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Both hashes of RFC 2104 with the key taken in: the same for every secret, and most of the library's time."""
    key = (hashlib.sha256(pepper).digest() if len(pepper) > _BLOCK else pepper).ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))


def digests(secret: str, peppers: Peppers) -> tuple[str, ...]:
    """The digest under every pepper, that of the current one first: where to look a key up."""
    return tuple([digest(secret, pepper) for pepper in peppers.newest_first])
