"""What the store must be before it may decide about money, and how far an operator may put up with less.

The rule of this file: a store that could forget, evict or not write what it was told admits nothing. Exceptions have
names, and nothing is excepted that is not named.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from gateway.core.finding import Finding

MAX_SKEW: Final = timedelta(seconds=2)
OLDEST_VERSION: Final = (7, 0)
_ROLES: Final = {"slave": "replica"}


class Allowance(StrEnum):
    """What the operator puts up with: the names of `TOLLHOUSE_STORE_ALLOW`."""

    VOLATILE = "volatile"
    EVICTING = "evicting"


class Check(StrEnum):
    """What is looked at, by the names that `/readyz` shows. `store`: whether it answers; else the rest is unknown."""

    STORE = "store"
    PRIMARY = "primary"
    VERSION = "version"
    DURABLE = "durable"
    KEEPS = "keeps"
    ROOM = "room"
    SCRIPTS = "scripts"
    CLOCK = "clock"
    ORGANIZATION = "organization"
    EPOCH = "epoch"
    THAWED = "thawed"
    EXPORTED = "exported"
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the store says of itself. `run` changes with every start of its process; `skew` is our clock minus its.

    `written` tells whether its last write to the append-only file succeeded, `refused_script` why it would not take a
    script of ours. `used` bytes of its memory count against `limit`, which is 0 where there is none.
    """

    version: str
    run: str
    role: str
    eviction: str
    append_only: bool
    written: bool
    used: int
    limit: int
    skew: timedelta
    refused_script: str | None = None

    @property
    def full(self) -> bool:
        return 0 < self.limit <= self.used


def silence(reason: str) -> Finding:
    """All that is known of a store that does not answer, or will not."""
    return Finding(
        Check.STORE,
        f"The store does not answer, or refuses: {reason.rstrip('.')}.",
        "Start it; restart it if it hangs. If it runs, look whether TOLLHOUSE_REDIS_URL leads to it, and whether its "
        "user may do what docs/operating.md lists.",
    )


def failings(condition: Condition, allowed: Collection[Allowance]) -> Iterator[Finding]:
    """Everything about the store itself that forbids admission."""
    if condition.role != "master":
        yield Finding(
            Check.PRIMARY,
            f"The store is a {_ROLES.get(condition.role, condition.role)}, not a primary.",
            "Point TOLLHOUSE_REDIS_URL at the primary; if this store is to be it, run on the store: REPLICAOF NO ONE.",
        )
    if _version(condition.version) < OLDEST_VERSION:
        yield Finding(
            Check.VERSION,
            f"The store says that it is version {condition.version}.",
            "Use Redis or Valkey 7.0 or newer.",
        )
    yield from _memory(condition, allowed)
    if Allowance.VOLATILE not in allowed:
        yield from _durability(condition)
    if condition.refused_script is not None:
        yield Finding(
            Check.SCRIPTS,
            f"The store does not take our scripts: {condition.refused_script}.",
            "Give the store's user the commands that docs/operating.md lists.",
        )
    if abs(condition.skew) > MAX_SKEW:
        yield Finding(
            Check.CLOCK,
            f"Our clock is {condition.skew.total_seconds():+.1f} s off the store's; more than 2 s is too much.",
            "Let both machines take their time from one source (NTP); with systemd, run on both: "
            "timedatectl set-ntp true.",
        )


def _durability(condition: Condition) -> Iterator[Finding]:
    if not condition.append_only:
        yield Finding(
            Check.DURABLE,
            "The store writes no append-only file: a crash of it forgets holds and charges.",
            "Run on the store: CONFIG SET appendonly yes. Write it into its configuration as well; "
            "or say TOLLHOUSE_STORE_ALLOW=volatile if you accept that.",
        )
    elif not condition.written:
        yield Finding(
            Check.DURABLE,
            "The store cannot write its append-only file.",
            "Make room on its disk, or mend it: its log says what failed. It then goes on by itself.",
        )


def _memory(condition: Condition, allowed: Collection[Allowance]) -> Iterator[Finding]:
    if condition.eviction != "noeviction" and Allowance.EVICTING not in allowed:
        yield Finding(
            Check.KEEPS,
            f"The store's maxmemory-policy is {condition.eviction}: a full store would throw accounts away.",
            "Run on the store: CONFIG SET maxmemory-policy noeviction. Write it into its configuration as well; "
            "or say TOLLHOUSE_STORE_ALLOW=evicting if you accept that.",
        )
    if condition.full:
        yield Finding(
            Check.ROOM,
            f"The store's memory is full: it may use {condition.limit} bytes, and takes no new holds.",
            f"If its machine has as much, run on the store: CONFIG SET maxmemory {2 * condition.used}. "
            "Write it into its configuration as well.",
        )


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else (0,)
