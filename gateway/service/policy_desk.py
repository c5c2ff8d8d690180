"""The policy desk: which policies and prices decide requests now, and how new ones become live.

The rule of this file: only what compiles as a whole becomes live, and only what is live in the store decides. A live
version that does not compile here is kept out; holds decided by the one before it are refused by the store as stale.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.policy_change import left_behind, left_out
from gateway.core.policy_version import NONE_LIVE, Applied, Signature
from gateway.ports import Policies, PolicyVersion, StoreUnavailable

_LOG: Final = logging.getLogger("tollhouse.policies")

Files: TypeAlias = Mapping[str, str]
# Who made a version live that nobody signed.
UNSIGNED: Final = Signature("unknown", datetime(1970, 1, 1, tzinfo=UTC))

Compile: TypeAlias = Callable[[Files], Rules | tuple[Complaint, ...]]


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A live version that this program cannot use, and why."""

    version: str
    complaints: tuple[Complaint, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """The files are live, as `version`."""

    version: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The same files were live already, as `version`."""

    version: str


@dataclass(frozen=True, slots=True)
class Complaints:
    """Every mistake in the files. Nothing changed."""

    complaints: tuple[Complaint, ...]


@dataclass(frozen=True, slots=True)
class OtherOrganization:
    """The files name another organization than the one that the store serves. Nothing changed."""

    named: str
    ours: str


@dataclass(frozen=True, slots=True)
class RemovesTeams:
    """Live teams that the files leave out and the author did not name as removed. Nothing changed."""

    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResetsLimits:
    """Live limits (`team/limit`) that would be gone or start at zero, not named as reset. Nothing changed."""

    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another version is live than the author went by: somebody else was quicker. Nothing changed."""


Refused: TypeAlias = Complaints | OtherOrganization


class PolicyDesk:
    """The policies of `organization`. `current` decides requests; it is None until a first version was read.

    `kept_out` is the version that is live and unusable, if one is. `check_files` compiles what is only proposed, which
    may be held to more. Asking the store raises StoreUnavailable.
    """

    def __init__(
        self, policies: Policies, compile_files: Compile, organization: str, check_files: Compile | None = None
    ) -> None:
        self.organization = organization
        self.current: Rules | None = None
        self.kept_out: KeptOut | None = None
        self._policies = policies
        self._compile = compile_files
        self._check = check_files or compile_files
        self._read: str | None = None
        self._reading = asyncio.Lock()

    @property
    def rules(self) -> Rules:
        """What decides requests now. Raises StoreUnavailable before a first version was read."""
        if self.current is None:
            raise StoreUnavailable("no usable policy version has been read")
        return self.current

    def knows_team(self, team: str) -> bool:
        """Whether the current policies have a file for the team. Raises StoreUnavailable, as `rules` does."""
        return team in self.rules.policies.teams

    async def refresh(self) -> KeptOut | None:
        """Take up the version that is live now. Returns it when it is unusable; then `current` stays as it was."""
        if await self._policies.live_version() != self._read:
            # Many requests learn at once that they are stale; one of them reads, the others wait for it.
            async with self._reading:
                await self._read_live()
        return self.kept_out

    async def _read_live(self, known: Rules | None = None) -> None:
        """`known` is what a version was compiled to just now: of ten thousand teams, that takes seconds."""
        live = await self._policies.live()
        if live is None or live.version == self._read:
            return
        if known is not None and known.version == live.version:
            compiled: Rules | tuple[Complaint, ...] = known
        else:
            compiled = await asyncio.to_thread(self._compile, live.files)
        if isinstance(compiled, Rules):
            # The store's name for the version, because that is what every hold is compared with.
            self.current, self.kept_out = replace(compiled, version=live.version), None
        else:
            self.kept_out = KeptOut(live.version, compiled)
            _LOG.error(
                "the live policy version cannot be used here and is kept out",
                extra={"fields": {"version": live.version, "complaints": [str(one) for one in compiled]}},
            )
        self._read = live.version

    async def live(self) -> PolicyVersion | None:
        """The files that are live in the store, whether or not they can be used here."""
        return await self._policies.live()

    async def version(self, version: str) -> PolicyVersion | None:
        """The files of a version that is live or was."""
        return await self._policies.version(version)

    async def history(self) -> tuple[Applied, ...]:
        """What became live when and by whom, the newest first."""
        return await self._policies.history()

    async def check(self, files: Files) -> Rules | Refused:
        """What the files would be, or what is wrong with them. Changes nothing."""
        compiled = await asyncio.to_thread(self._check, files)
        if not isinstance(compiled, Rules):
            return Complaints(compiled)
        named = compiled.policies.organization.slug
        return compiled if named == self.organization else OtherOrganization(named, self.organization)

    async def publish(
        self,
        files: Files,
        remove_teams: Collection[str],
        reset: Collection[str] = (),
        signature: Signature = UNSIGNED,
        expect: str | None = None,
    ) -> Published | Unchanged | Refused | RemovesTeams | ResetsLimits | Conflict:
        """Make the files live.

        Teams that they leave out must be named in `remove_teams`, limits that lose what was counted in `reset`.
        `expect` is the version that the author saw live, or `none`; None: whichever is.
        """
        rules = await self.check(files)
        if not isinstance(rules, Rules):
            return rules
        live = await self._policies.live()
        if expect is not None and expect != (NONE_LIVE if live is None else live.version):
            return Conflict()
        if live is not None and live.version == rules.version:
            return Unchanged(rules.version)
        unnamed_teams = () if live is None else _others(left_out(live.files, files), remove_teams)
        if unnamed_teams:
            return RemovesTeams(unnamed_teams)
        await self.refresh()
        behind = left_behind(self.current.policies, rules.policies) if self.current is not None else ()
        unnamed_limits = _others(behind, reset)
        if unnamed_limits:
            return ResetsLimits(unnamed_limits)
        replaces = None if live is None else live.version
        if not await self._policies.publish(PolicyVersion(rules.version, files), replaces, signature):
            return Conflict()
        async with self._reading:
            await self._read_live(rules)
        return Published(rules.version)


def _others(found: Iterable[str], named: Collection[str]) -> tuple[str, ...]:
    return tuple(one for one in found if one not in named)
