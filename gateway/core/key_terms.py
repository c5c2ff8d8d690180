"""What a virtual key is issued for, and what may be asked for.

The rule of this file: names and tags of keys come back in lists, logs and statements, so they are short and printable.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.core.principal import Network, Scope

MOST: Final = 100

_PATTERN = re.compile(r"[!-~]{1,200}")
_TAG = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a new key shall be. Empty `models` or `networks` allow all, empty `scopes` nothing; `expires_at` is UTC."""

    team: str
    name: str
    scopes: frozenset[Scope] = frozenset(Scope)
    models: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    expires_at: datetime | None = None
    test: bool = False
    project: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why there is no such key: the field at fault, and a sentence."""

    field: str
    message: str


def objection(terms: KeyTerms, now: datetime) -> Objection | None:
    """The first thing wrong with the terms of a key issued at `now` (UTC), None when all is well."""
    return next(_objections(terms, now), None)


def _objections(terms: KeyTerms, now: datetime) -> Iterator[Objection]:
    if not _printable(terms.name):
        yield Objection("name", f'"name" must be 1 to {MOST} printable characters, without spaces around them.')
    if terms.project is not None and not _printable(terms.project):
        yield Objection("project", f'"project" must be 1 to {MOST} printable characters, without spaces around them.')
    if len(terms.models) > MOST or not all(_PATTERN.fullmatch(pattern) for pattern in terms.models):
        yield Objection("models", f'"models" takes at most {MOST} patterns of 1 to 200 visible ASCII characters.')
    if len(terms.networks) > MOST:
        yield Objection("networks", f'"networks" takes at most {MOST} networks.')
    if len(terms.tags) > MOST or not all(_is_tag(name, value) for name, value in terms.tags.items()):
        yield Objection("tags", f'"tags" takes at most {MOST} names of letters, digits, . _ - with a printable value.')
    if terms.expires_at is not None and terms.expires_at <= now:
        yield Objection("expires_at", '"expires_at" must be in the future.')


def _printable(text: str) -> bool:
    return 1 <= len(text) <= MOST and text.isprintable() and text == text.strip()


def _is_tag(name: str, value: str) -> bool:
    return _TAG.fullmatch(name) is not None and _printable(value)
