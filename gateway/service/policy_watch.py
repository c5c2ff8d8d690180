"""A mounted directory of policy files is applied when it changes, as somebody would who looked at it all the time.

The rule of this file: what cannot be applied changes nothing and is said once; the version that is live stays. What
takes a person's word, a team that goes or a limit that starts at zero, is not applied either: nobody gives it here.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias

from gateway.core.audit_record import Done
from gateway.core.complaint import Complaint
from gateway.core.policy_version import Signature, version_of
from gateway.core.role import Administrator, Role
from gateway.ports import Clock
from gateway.service.audit_trail import AuditTrail
from gateway.service.policy_desk import (
    Complaints,
    Conflict,
    Files,
    OtherOrganization,
    PolicyDesk,
    Published,
    RemovesTeams,
    ResetsLimits,
    Unchanged,
)

_LOG: Final = logging.getLogger("tollhouse.policies")
_WATCH: Final = Administrator("watch", "policy watch", Role.OPERATOR)
_MESSAGE: Final = "the policies directory changed"
_CONFLICT: Final = "POLICY_CONFLICT"
_TOLD: Final = 20
_NOT_YET: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Seen(NamedTuple):
    """A directory as it was read: its texts, and what is wrong with files that could not be."""

    files: Files
    unread: tuple[Complaint, ...]


class _State(NamedTuple):
    version: str
    unread: tuple[Complaint, ...]


class _Refusal(NamedTuple):
    code: str
    sentences: tuple[str, ...]


Read: TypeAlias = Callable[[], Seen]


class PolicyWatch:
    """`failed` is why the directory is not live, in sentences: none when it is, or when nobody has decided yet."""

    def __init__(self, desk: PolicyDesk, read: Read, trail: AuditTrail, clock: Clock) -> None:
        self.failed: tuple[str, ...] = ()
        self._desk = desk
        self._read = read
        self._trail = trail
        self._clock = clock
        self._last: _State | None = None
        self._decided: _State | None = None

    async def __call__(self) -> None:
        """One look. Raises StoreUnavailable; then the next look does what this one did not."""
        found = await asyncio.to_thread(self._read)
        state = _State(version_of(found.files), found.unread)
        # Two looks must agree: a directory that is being written, or swapped, is nobody's intention.
        if state != self._last:
            self._last = state
        elif state != self._decided:
            await self._decide(found, state)
        elif self.failed and await self._is_live(state):
            self.failed = ()

    async def _decide(self, found: Seen, state: _State) -> None:
        if await self._is_live(state) or (self._decided is None and await self._was_live(state)):
            self._decided, self.failed = state, ()
            return
        refusal = _refused(Complaints(found.unread)) if found.unread else await self._apply(found.files, state.version)
        if refusal is not None and refusal.code == _CONFLICT:
            return
        self._decided, self.failed = state, () if refusal is None else refusal.sentences
        if self.failed:
            fields = {"version": state.version, "why": list(self.failed[:_TOLD])}
            _LOG.error("the policies directory cannot be applied: what is live stays", extra={"fields": fields})

    async def _is_live(self, state: _State) -> bool:
        live = await self._desk.live()
        return not state.unread and live is not None and live.version == state.version

    async def _was_live(self, state: _State) -> bool:
        """At a start: whether somebody replaced what the directory still has. It is not put back until it changes."""
        replaced = not state.unread and any(line.version == state.version for line in await self._desk.history())
        if replaced:
            _LOG.warning("the policies directory was live before and was replaced: it stays so until it changes")
        return replaced

    async def _apply(self, files: Files, version: str) -> _Refusal | None:
        """Make the files live, on record."""
        live = await self._desk.live()
        before = {} if live is None else {"version": live.version}
        begun = await self._trail.begin("policies.apply", _WATCH, "watch", "watch", _MESSAGE, {"files": len(files)})
        signature = Signature(_WATCH.name, self._clock.now(), _MESSAGE)
        told = await self._desk.publish(files, (), signature=signature)
        if isinstance(told, Published | Unchanged):
            done = Done(_NOT_YET, None, "policies", before=before, after={"version": version})
            await self._trail.end(begun, done)
            _LOG.info("the policies directory is live", extra={"fields": {"version": version}})
            return None
        refusal = _refused(told)
        await self._trail.end(begun, Done(_NOT_YET, code=refusal.code))
        return refusal


def _refused(told: Complaints | OtherOrganization | RemovesTeams | ResetsLimits | Conflict) -> _Refusal:
    match told:
        case Complaints(complaints):
            return _Refusal("POLICY_INVALID", tuple(str(one) for one in complaints))
        case OtherOrganization(named, ours):
            said = f'the files are those of "{named}", the store serves "{ours}"'
            return _Refusal("ORGANIZATION_MISMATCH", (said,))
        case RemovesTeams(teams):
            said = "would go, and takes: tollhouse policy apply --remove-team"
            return _Refusal("POLICY_REMOVES_TEAMS", tuple(f"team {team} {said} {team}" for team in teams))
        case ResetsLimits(limits):
            said = "would start at zero, and takes: tollhouse policy apply --reset"
            return _Refusal("POLICY_RESETS_LIMITS", tuple(f"limit {limit} {said} {limit}" for limit in limits))
        case Conflict():
            return _Refusal(_CONFLICT, ("somebody else applied other files meanwhile",))
