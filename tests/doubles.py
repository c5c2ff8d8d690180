"""Stand-ins for what tests must decide themselves: time, chance, what is live, what compiles."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from gateway.core.acceptance import Acceptance
from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.policy_set import Organization, PolicySet, TeamPolicy
from gateway.core.policy_version import Applied, Signature, version_of
from gateway.core.pricing import PriceBook
from gateway.core.window import Calendar
from gateway.ports import PolicyVersion, SpoolUnavailable

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


SIGNED = Signature("ops", NOON, "because")


class StillClock:
    """A clock that stands until it is told to go on."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - NOON).total_seconds()

    def advance(self, by: timedelta) -> None:
        self._now += by


class SeededEntropy:
    """Bytes that look random, differ at every call and are the same in every run."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._drawn = 0

    def token(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed}:{self._drawn}".encode()).digest(size)


class Doorkeeper:
    """Implements `ports.Gate`: says why submits are not let through, or lets them; and what the store may lack."""

    def __init__(self, closed: str | None = None, doubted: str | None = None) -> None:
        self.closed = closed
        self.doubted = doubted


class MemorySpool:
    """Implements `ports.Spool` in memory: what is on disk is what was synced."""

    def __init__(self) -> None:
        self.room = True
        self.lines: list[str | Acceptance] = []
        self.open: set[str] = set()
        self.synced = 0
        self.broken = False

    def sent(self, hold_id: str) -> None:
        self._write(hold_id, hold_id)

    def accepted(self, acceptance: Acceptance) -> None:
        self._write(acceptance.hold_id, acceptance)

    def _write(self, hold_id: str, line: str | Acceptance) -> None:
        if self.broken:
            raise SpoolUnavailable("no space is left")
        self.lines.append(line)
        self.open.add(hold_id)

    def acknowledged(self, hold_id: str) -> None:
        self.open.discard(hold_id)

    async def sync(self) -> None:
        if self.broken:
            raise SpoolUnavailable("no space is left")
        self.synced = len(self.lines)

    def acceptances(self) -> Iterator[Acceptance]:
        return (line for line in self.lines if isinstance(line, Acceptance))

    def recovered(self) -> None:
        """Nobody came before."""


class MemoryPolicies:
    """Implements `ports.Policies` in memory."""

    def __init__(self) -> None:
        self.versions: dict[str, PolicyVersion] = {}
        self.lines: list[Applied] = []
        self.pointer: str | None = None

    async def live_version(self) -> str | None:
        return self.pointer

    async def live(self) -> PolicyVersion | None:
        return None if self.pointer is None else self.versions[self.pointer]

    async def version(self, version: str) -> PolicyVersion | None:
        return self.versions.get(version)

    async def history(self) -> tuple[Applied, ...]:
        return tuple(reversed(self.lines))

    async def publish(self, policy: PolicyVersion, replaces: str | None, signature: Signature) -> bool:
        if self.pointer != replaces:
            return False
        self.lines.append(Applied(policy.version, replaces, signature))
        self.versions.setdefault(policy.version, policy)
        self.pointer = policy.version
        return True


def policy_files(*teams: str, organization: str = "acme", **more: str) -> dict[str, str]:
    """Files that `compile_plainly` takes: a name as the organization's file, and anything but "bad" as a team's."""
    return {"organization.toml": organization, **{f"teams/{team}.toml": "good" for team in teams}, **more}


def compile_plainly(files: Mapping[str, str]) -> Rules | tuple[Complaint, ...]:
    """What policy files come to when all that matters is who is in them."""
    complaints = tuple(Complaint(file, "", "is bad") for file, text in sorted(files.items()) if text == "bad")
    if complaints:
        return complaints
    paths = [PurePosixPath(file) for file in files]
    teams = {path.stem: TeamPolicy(path.stem) for path in paths if path.parent.name == "teams"}
    organization = Organization(files["organization.toml"], Calendar(ZoneInfo("UTC")))
    return Rules(version_of(files), PolicySet(organization, teams), PriceBook(()))
