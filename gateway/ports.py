"""What the use cases need from the world, as small protocols. Adapters implement them; tests may, by hand.

Expected answers are values. `StoreUnavailable` is the exception: the store did not say, and what was asked may or may
not have happened.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.account import Account, Balance
from gateway.core.admission import Admission, AdmissionReply
from gateway.core.books import Excerpt
from gateway.core.history import Kept, Memory, Sighting
from gateway.core.ledger import Hold, Moved, State, Verb
from gateway.core.money import MicroUsd
from gateway.core.outcome import Submission
from gateway.core.principal import VirtualKey
from gateway.core.reply import UpstreamResult
from gateway.core.store_condition import Condition


class StoreUnavailable(Exception):
    """The store was unreachable, refused, or did not answer in time. What was asked may have happened."""


class StoreRefused(StoreUnavailable):
    """The store said no, or could not be asked: proof that what was asked did not happen."""


class Clock(Protocol):
    """`now` is wall time, aware UTC, for records and windows; `monotonic` is seconds, for deadlines."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Entropy(Protocol):
    """The source of ids and secrets."""

    def token(self, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A hold as it stands in the store. `job` and `cost` (micro-USD, what was posted) are None before capture."""

    hold: Hold
    state: State
    job: str | None
    cost: MicroUsd | None


class Ledger(Protocol):
    """Where money moves. Every call is safe to repeat; all raise StoreUnavailable."""

    async def admit(self, admission: Admission, now: datetime) -> AdmissionReply:
        """Charge every demand of the admission, or none of them."""
        ...

    async def move(
        self,
        verb: Verb,
        hold: Hold,
        now: datetime,
        *,
        job: str = "",
        cost: MicroUsd = 0,
        facts: Mapping[str, str] | None = None,
    ) -> Moved:
        """Move a hold as the table in `core/ledger.py` says. `cost` is what was charged, or given back."""
        ...

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]: ...

    async def find(self, hold_id: str) -> HoldRecord | None: ...


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One immutable upload: path below the policies directory -> TOML text. `version` names exactly this content."""

    version: str
    files: Mapping[str, str]


class Policies(Protocol):
    """The policy versions in the store, and which of them is live. All raise StoreUnavailable."""

    async def live_version(self) -> str | None: ...

    async def live(self) -> PolicyVersion | None: ...

    async def publish(self, policy: PolicyVersion, replaces: str | None) -> bool:
        """Write the version and point to it, unless something else than `replaces` is live by now: then False."""
        ...


class VirtualKeys(Protocol):
    """The keys we issued. All raise StoreUnavailable."""

    async def by_digest(self, digest: str) -> VirtualKey | None: ...

    async def get(self, key_id: str) -> VirtualKey | None: ...

    async def all(self) -> tuple[VirtualKey, ...]: ...

    async def put(self, key: VirtualKey) -> bool:
        """Write the key if its revision is exactly one above the stored one (1 when new); else False."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One submit as it goes out: the canonical body, what identifies it, and when it must have ended (monotonic)."""

    body: bytes
    headers: Mapping[str, str]
    deadline: float


class Slot(Protocol):
    """A place in the upstream connection pool, taken before the hold."""

    async def submit(self, outgoing: Outgoing) -> UpstreamResult:
        """Send once, never again. Every failure is a value."""
        ...


class Upstream(Protocol):
    """The provider's API."""

    def slot(self) -> AbstractAsyncContextManager[Slot | None]:
        """Wait at most a second for a place; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """One submission for the metrics. `model` is None unless it has a price; `amount` is what was to be held."""

    team: str
    model: str | None
    test: bool
    submission: Submission
    amount: MicroUsd
    seconds: float


@dataclass(frozen=True, slots=True)
class LimitGauge:
    """One limit for the metrics, in USD where the meter is `usd`, else as counts."""

    scope: str
    name: str
    limit: str
    meter: str
    ceiling: float
    posted: float
    held: float


@dataclass(frozen=True, slots=True)
class StoreGauges:
    """What the store says when it is asked for metrics."""

    limits: tuple[LimitGauge, ...]
    holds: Mapping[str, int]
    oldest_due_seconds: float
    clock_skew_seconds: float
    policy: str


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the store is. `epoch` is None before its first start; a hold is due when its submit must have ended."""

    epoch: str | None
    frozen: bool
    holds: Mapping[str, int]
    oldest_due_seconds: float
    clock_skew_seconds: float


class StoreVitals(Protocol):
    """Looks at the store as a whole. Raises StoreUnavailable."""

    async def read(self, now: datetime) -> Vitals: ...

    async def condition(self, now: datetime) -> Condition:
        """What the store is. Gives it our scripts, if it does not have them."""
        ...


class Watch(Protocol):
    """Looks at the store's history, and closes and opens admission. All raise StoreUnavailable."""

    async def look(self, memory: Memory) -> Sighting | None:
        """What is there, and what stands where the memory's witness stood. None of a store without an epoch."""
        ...

    async def beat(self, epoch: str, boot: str, highest: int, replayed: str) -> None:
        """Say to a store in this epoch that we live, what we have seen and which freeze we have replayed."""
        ...

    async def freeze(self, expected: str, fresh: str, lost_from: int, lost_to: int) -> bool:
        """Close admission in the epoch `expected`, and go on in `fresh`; False when it is in another epoch by now."""
        ...

    async def thaw(self, expected: str, fresh: str, now: datetime) -> int | None:
        """Open admission again in `fresh`, if all who live have replayed: the sequence of the entry that says so."""
        ...


class Books(Protocol):
    """The store's accounts beside what they must come to. Raises StoreUnavailable."""

    async def read(self, limit: int) -> Excerpt:
        """At most `limit` open holds and, where there are no more, all entries, with their accounts: at one instant."""
        ...


class Acceptance(Protocol):
    """A job that the upstream took, as a gateway retains it: what a capture needs."""

    @property
    def hold(self) -> Hold: ...

    @property
    def job(self) -> str: ...

    @property
    def cost(self) -> MicroUsd: ...

    @property
    def facts(self) -> Mapping[str, str]: ...


class Keepsake(Protocol):
    """Where a gateway's memory outlives its process."""

    def read(self) -> Kept | None: ...

    async def write(self, kept: Kept) -> None: ...


class Gate(Protocol):
    """Whether submits are let through to the store."""

    @property
    def closed(self) -> str | None:
        """Why no hold may be made now, in a sentence; None while one may."""
        ...


class Telemetry(Protocol):
    """Where submissions are counted."""

    def observe(self, seen: Observation) -> None: ...

    def render(self, figures: StoreGauges | None) -> bytes:
        """The exposition text; None where the store did not say."""
        ...
