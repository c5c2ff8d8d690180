"""Admin keys in the store: written once for each revision, found by what opens them, apart from virtual keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.adapters.redis.admin_keys import RedisAdminKeys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.admin_key import AdminKey
from gateway.core.role import Role

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = AdminKey("adm_1", "ada", Role.TEAM_LEAD, "video", "digest-1", 1, "abcd", NOON, NOON + timedelta(days=1), None, 1)


async def test_what_is_written_is_read(store: Store) -> None:
    keys = RedisAdminKeys(store)
    assert await keys.put(KEY)
    assert await keys.get("adm_1") == KEY
    assert await keys.by_digest("digest-1") == KEY
    assert await keys.by_digest("digest-2") is None
    assert await RedisVirtualKeys(store).by_digest("digest-1") is None


async def test_a_revision_is_written_once(store: Store) -> None:
    keys = RedisAdminKeys(store)
    assert await keys.put(KEY)
    assert not await keys.put(KEY)
    assert await keys.put(replace(KEY, revision=2, revoked_at=NOON))
    assert not await keys.put(replace(KEY, revision=2))


async def test_they_are_listed_the_oldest_first(store: Store) -> None:
    keys = RedisAdminKeys(store)
    younger = replace(KEY, id="adm_0", digest="digest-0", created_at=NOON + timedelta(seconds=1))
    for one in (younger, KEY):
        await keys.put(one)
    assert await keys.all() == (KEY, younger)
