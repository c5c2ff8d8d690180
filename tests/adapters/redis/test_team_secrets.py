"""Which secret each team has, in a real store: begun once, exchanged, and no secret anywhere in it."""

from datetime import UTC, datetime

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.team_secrets import RedisTeamSecrets
from gateway.core.team_secret import SecretVersion

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, UTC)
FIRST, SECOND = SecretVersion(1, 1, NOW), SecretVersion(2, 3, NOW)


async def test_a_team_s_secret_is_begun_once_and_exchanged(store: Store) -> None:
    versions = RedisTeamSecrets(store)
    assert await versions.get("video") is None
    assert await versions.begin("video", FIRST) == FIRST
    assert await versions.begin("video", SECOND) == FIRST
    await versions.put("video", SECOND)
    assert await versions.get("video") == SECOND
    assert await versions.get("audio") is None
