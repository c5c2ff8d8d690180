"""Admin keys: what the store knows of them, and what is wrong with what one shall be."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.core.key_terms import Objection
from gateway.core.role import Administrator, Role

_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class AdminKey:
    """An admin key without its secret: `digest` is HMAC-SHA-256 under pepper `pepper_version`, in hex.

    `revision` grows with every change. Times are UTC; `team` is set for a team lead alone.
    """

    id: str
    name: str
    role: Role
    team: str | None
    digest: str = field(repr=False)
    pepper_version: int
    last_four: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revision: int

    def opens(self, now: datetime) -> bool:
        """Whether it may be used at `now` (UTC)."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def administrator(self) -> Administrator:
        return Administrator(self.id, self.name, self.role, self.team)


@dataclass(frozen=True, slots=True)
class AdminTerms:
    """What an admin key shall be."""

    name: str
    role: Role
    team: str | None
    expires_at: datetime | None


def objection(terms: AdminTerms, now: datetime) -> Objection | None:
    """The first thing wrong with the terms, if anything is."""
    if not (terms.name.strip() and terms.name.isprintable() and len(terms.name) <= _LONGEST):
        return Objection("name", f'"name" must be 1 to {_LONGEST} printable characters.')
    if terms.role is Role.TEAM_LEAD and terms.team is None:
        return Objection("team", 'A team lead leads one team: name it in "team".')
    if terms.role is not Role.TEAM_LEAD and terms.team is not None:
        return Objection("team", f'The role "{terms.role}" is for all teams; only a team lead has one.')
    if terms.expires_at is not None and terms.expires_at <= now:
        return Objection("expires_at", '"expires_at" is in the past.')
    return None
