"""The secrets that teams verify our webhooks with: made when one is first needed, shown, exchanged for a new one.

The organization has one as well, under its slug: its own alerts are signed with it.

The rule of this file: a secret is told to whoever administers, and to what signs; nobody keeps it. See
`core/team_secret.py` for what it derives from.
"""

from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.current import Current
from gateway.core.key_secret import Peppers
from gateway.core.team_secret import SecretVersion, first, rotated, team_secret
from gateway.ports import Clock
from gateway.service.keyring import UnknownTeam
from gateway.service.policy_desk import PolicyDesk


class Versions(Protocol):
    """Which secret each team has. All raise StoreUnavailable."""

    async def get(self, team: str) -> SecretVersion | None: ...

    async def begin(self, team: str, version: SecretVersion) -> SecretVersion:
        """Write a team's first version, unless it has one; what it has then."""
        ...

    async def put(self, team: str, version: SecretVersion) -> None: ...


@dataclass(frozen=True, slots=True)
class TeamSecret:
    """A team's secret, and which one it is."""

    team: str
    version: SecretVersion
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretLost:
    """The pepper that the team's secret derives from is not among ours any more: only a new secret helps."""

    team: str


@dataclass(frozen=True, slots=True)
class TeamSecrets:
    """Every method raises StoreUnavailable."""

    versions: Versions
    desk: PolicyDesk
    peppers: Current[Peppers]
    clock: Clock

    async def show(self, team: str) -> TeamSecret | SecretLost | UnknownTeam:
        """The secret of a team of the live policies, or of the organization."""
        return await self.of(team) if await self._knows(team) else UnknownTeam(team)

    async def rotate(self, team: str) -> TeamSecret | SecretLost | UnknownTeam:
        """Give the team a new secret. What is sent from now on is signed with it."""
        if not await self._knows(team):
            return UnknownTeam(team)
        version = rotated(await self.versions.get(team), self.peppers.value, self.clock.now())
        await self.versions.put(team, version)
        return self._secret(team, version)

    async def of(self, team: str) -> TeamSecret | SecretLost:
        """The team's secret, made now if it has none; the policies may have forgotten the team."""
        version = await self.versions.get(team)
        if version is None:
            # Two that begin at once agree on what was written first.
            version = await self.versions.begin(team, first(self.peppers.value, self.clock.now()))
        return self._secret(team, version)

    def _secret(self, team: str, version: SecretVersion) -> TeamSecret | SecretLost:
        secret = team_secret(team, version, self.peppers.value)
        return SecretLost(team) if secret is None else TeamSecret(team, version, secret)

    async def _knows(self, team: str) -> bool:
        if team == self.desk.organization:
            return True
        if not self.desk.knows_team(team):
            await self.desk.refresh()
        return self.desk.knows_team(team)
