"""Which webhook secret each team has: how many-th and under which pepper. No secret is in the store."""

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store
from gateway.core.team_secret import SecretVersion


class RedisTeamSecrets:
    """Implements `team_secrets.Versions`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, team: str) -> SecretVersion | None:
        line = await self._store.command("HGET", keys.TEAM_SECRETS, team)
        if line is None:
            return None
        rotation, pepper, since = line.decode().split()
        return SecretVersion(int(rotation), int(pepper), codec.instant(int(since)))

    async def begin(self, team: str, version: SecretVersion) -> SecretVersion:
        """Write a team's first version, unless it has one; what it has then."""
        await self._store.command("HSETNX", keys.TEAM_SECRETS, team, _line(version))
        return await self.get(team) or version

    async def put(self, team: str, version: SecretVersion) -> None:
        await self._store.command("HSET", keys.TEAM_SECRETS, team, _line(version))


def _line(version: SecretVersion) -> str:
    return f"{version.rotation} {version.pepper} {codec.micros(version.since)}"
