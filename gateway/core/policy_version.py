"""The name of exactly one set of policy and price files: the same files have the same name everywhere."""

from collections.abc import Mapping
from hashlib import sha256


def version_of(files: Mapping[str, str]) -> str:
    """16 hex digits of SHA-256 over paths and texts, sorted by path. Lengths keep one file from posing as two."""
    digest = sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()[:16]
