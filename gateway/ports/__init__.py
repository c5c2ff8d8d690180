"""What the use cases need from the world, as small protocols. Adapters implement them; tests may, by hand.

Expected answers are values. `StoreUnavailable` is the exception: the store did not say, and what was asked may or may
not have happened.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.acceptance import Acceptance, Witness
from gateway.core.account import Account, Balance
from gateway.core.admission import Admission, AdmissionReply, Exists
from gateway.core.figures import ClosedPrice
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Hold, Moved, Verb
from gateway.core.money import MicroUsd
from gateway.core.policy_version import Applied, Signature
from gateway.core.principal import VirtualKey
from gateway.core.recall import HoldRecord
from gateway.core.reply import Reply
from gateway.core.store_condition import Condition
from gateway.ports.jobs import Jobs as Jobs
from gateway.ports.settling import Findings as Findings
from gateway.ports.settling import IndexedHolds as IndexedHolds
from gateway.ports.settling import Leases as Leases
from gateway.ports.settling import ListedHolds as ListedHolds
from gateway.ports.settling import SettlingTelemetry as SettlingTelemetry
from gateway.ports.telemetry import Telemetry as Telemetry
from gateway.ports.upstream import Outgoing as Outgoing
from gateway.ports.upstream import Question as Question
from gateway.ports.upstream import Slot as Slot
from gateway.ports.upstream import Streamed as Streamed
from gateway.ports.upstream import Unanswered as Unanswered
from gateway.ports.upstream import Upstream as Upstream


class StoreUnavailable(Exception):
    """The store was unreachable, refused, or did not answer in time. What was asked may have happened."""


class StoreRefused(StoreUnavailable):
    """The store said no, or could not be asked: proof that what was asked did not happen."""


class SpoolUnavailable(Exception):
    """The spool could not be written, read, or flushed to disk. A line that failed may be there, and may be lost."""


class ArchiveUnavailable(Exception):
    """The SQL ledger was unreachable, refused, or did not answer. What was asked is there whole or not at all."""


class ArchiveRefused(Exception):
    """The SQL ledger is not one that this store may be written to. Nothing was, and asking again is no use."""


class Clock(Protocol):
    """`now` is wall time, aware UTC, for records and windows; `monotonic` is seconds, for deadlines."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Entropy(Protocol):
    """The source of ids and secrets."""

    def token(self, size: int) -> bytes: ...


class Ledger(Protocol):
    """Where money moves. Every call is safe to repeat; all raise StoreUnavailable.

    `witness` is the newest entry of ours that the store acknowledged.
    """

    @property
    def witness(self) -> Witness | None: ...

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
        reply: Reply | None = None,
    ) -> Moved:
        """Move a hold as the table in `core/ledger.py` says. `cost` is what was charged, or given back.

        `reply` is the answer that a repeated submit shall get.
        """
        ...

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]: ...

    async def find(self, hold_id: str) -> HoldRecord | None: ...

    async def owner(self, job: str) -> HoldRecord | None:
        """The hold that a job is bound to, one of the built-in sandbox too. One call, whoever's it is."""
        ...

    async def bound(self, asked: Idempotency) -> Exists | None:
        """Which hold an idempotency key is bound to, if to any."""
        ...

    async def note(self, kind: str, subject: str, now: datetime, facts: Mapping[str, str]) -> bool:
        """Write an entry that moves nothing, once for each kind and subject; whether this was the first time.

        It stands among all others, and its `hold` is the subject.
        """
        ...


class OpenHolds(Protocol):
    """The holds that are held or in doubt, whoever sent them. All raise StoreUnavailable."""

    def of(self, senders: Set[str]) -> AsyncIterator[HoldRecord]:
        """Those of these boots. A hold that moves meanwhile may come twice."""
        ...

    async def overdue(self, before: datetime, limit: int) -> tuple[Hold, ...]:
        """Held ones whose deadline is before this instant, the oldest first."""
        ...


class Spool(Protocol):
    """What this process writes down for those that come after it. All raise SpoolUnavailable.

    A line is written at once: it survives the process when the call returns, and the machine after `sync`.
    """

    @property
    def room(self) -> bool:
        """Whether another hold may be made: False while too much waits for the store's acknowledgement."""
        ...

    def sent(self, hold_id: str) -> None:
        """Before the first byte of a hold leaves."""
        ...

    def accepted(self, acceptance: Acceptance) -> None: ...

    def acknowledged(self, hold_id: str) -> None:
        """The store has acknowledged a move of this hold: capture, void or doubt. Its lines may be dropped."""
        ...

    async def sync(self) -> None:
        """Flush to disk all that was written before the call. Many callers share a flush."""
        ...

    def acceptances(self) -> Iterator[Acceptance]:
        """Every one that is still there, those of earlier processes included, the oldest first; some may come twice."""
        ...

    def recovered(self) -> None:
        """What earlier processes left is settled; see `service/recovery.py`."""
        ...


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One immutable upload: path below the policies directory -> TOML text. `version` names exactly this content."""

    version: str
    files: Mapping[str, str]


class Policies(Protocol):
    """The policy versions in the store, and which of them is live. All raise StoreUnavailable."""

    async def live_version(self) -> str | None: ...

    async def live(self) -> PolicyVersion | None: ...

    async def version(self, version: str) -> PolicyVersion | None:
        """One that was live once; None where none of this name ever was."""
        ...

    async def history(self) -> tuple[Applied, ...]:
        """Which became live when, the newest first."""
        ...

    async def publish(self, policy: PolicyVersion, replaces: str | None, signature: Signature) -> bool:
        """Write the version, point to it and write it into the history, all or none of it.

        Unless something else than `replaces` is live by now: then False. A version that is there stays as it is.
        """
        ...


class VirtualKeys(Protocol):
    """The keys we issued. All raise StoreUnavailable."""

    def remembered(self, digest: str) -> VirtualKey | None:
        """The key as it was when last read, which may be a while ago. Asks nobody."""
        ...

    async def by_digest(self, digest: str) -> VirtualKey | None: ...

    async def get(self, key_id: str) -> VirtualKey | None: ...

    async def put(self, key: VirtualKey) -> bool:
        """Write the key if its revision is exactly one above the stored one (1 when new); else False."""
        ...


class ClosedPrices(Protocol):
    """The prices that are closed. Both raise StoreUnavailable."""

    async def all(self) -> tuple[ClosedPrice, ...]: ...

    async def reopen(self, model: str) -> tuple[ClosedPrice, ...]:
        """Open every price of the model again; returns those that were closed."""
        ...


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the store is. `epoch` is None before its first start; a hold is due when its submit must have ended.

    The lag is how long the oldest entry has waited that the SQL ledger lacks.
    """

    epoch: str | None
    frozen: bool
    holds: Mapping[str, int]
    oldest_due_seconds: float
    clock_skew_seconds: float
    keys: int = 0
    keys_expiring: int = 0
    ledger_lag_seconds: float = 0.0


class StoreVitals(Protocol):
    """Looks at the store as a whole. Raises StoreUnavailable."""

    async def read(self, now: datetime) -> Vitals: ...

    async def condition(self, now: datetime) -> Condition:
        """What the store is. Gives it our scripts, if it does not have them."""
        ...


class Gate(Protocol):
    """Whether submits are let through to the store."""

    @property
    def closed(self) -> str | None:
        """Why no hold may be made now, in a sentence; None while one may."""
        ...

    @property
    def doubted(self) -> str | None:
        """Why something that the store was told may be missing there, in a sentence; None while nothing is."""
        ...
