"""Policy versions are written once, and the pointer moves only from where its author saw it."""

import asyncio

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.policy_version import Applied, Signature
from gateway.ports import PolicyVersion, StoreUnavailable
from tests.doubles import NOON, SIGNED

FIRST = PolicyVersion("v1", {"organization.toml": "a = 1", "teams/démo.toml": "ü = '✓'"})
SECOND = PolicyVersion("v2", {"organization.toml": "a = 2"})


async def test_nothing_is_live_in_a_fresh_store(store: Store) -> None:
    policies = RedisPolicies(store)
    assert await policies.live_version() is None
    assert await policies.live() is None


async def test_what_is_published_is_live_as_it_was_written(store: Store) -> None:
    policies = RedisPolicies(store)
    assert await policies.publish(FIRST, None, SIGNED)
    assert await policies.live_version() == "v1"
    assert await policies.live() == FIRST


async def test_an_author_who_saw_something_else_changes_nothing(store: Store) -> None:
    policies = RedisPolicies(store)
    await policies.publish(FIRST, None, SIGNED)
    assert not await policies.publish(SECOND, None, SIGNED)
    assert not await policies.publish(SECOND, "v0", SIGNED)
    assert await policies.live() == FIRST
    assert await policies.publish(SECOND, "v1", SIGNED)
    assert await policies.live() == SECOND


async def test_a_version_never_changes(store: Store) -> None:
    policies = RedisPolicies(store)
    await policies.publish(FIRST, None, SIGNED)
    await policies.publish(PolicyVersion("v1", {"organization.toml": "forged"}), "v1", SIGNED)
    assert await policies.live() == FIRST


async def test_of_many_authors_at_once_one_wins(store: Store) -> None:
    policies = RedisPolicies(store)
    versions = [PolicyVersion(f"v{number}", {"n": str(number)}) for number in range(20)]
    published = await asyncio.gather(*(policies.publish(version, None, SIGNED) for version in versions))
    assert sum(published) == 1
    assert await policies.live() == versions[published.index(True)]


async def test_a_pointer_to_nothing_is_a_damaged_store(store: Store) -> None:
    policies = RedisPolicies(store)
    await policies.publish(FIRST, None, SIGNED)
    await store.command("DEL", keys.policy("v1"))
    with pytest.raises(StoreUnavailable):
        await policies.live()


async def test_the_history_says_who_made_what_live_and_an_old_version_again_is_a_new_line(store: Store) -> None:
    policies = RedisPolicies(store)
    back = Signature("é", NOON, "back")
    await policies.publish(FIRST, None, SIGNED)
    await policies.publish(SECOND, "v1", SIGNED)
    assert not await policies.publish(FIRST, "v1", back)
    await policies.publish(FIRST, "v2", back)

    assert await policies.history() == (
        Applied("v1", "v2", back),
        Applied("v2", "v1", SIGNED),
        Applied("v1", None, SIGNED),
    )
    assert await policies.version("v2") == SECOND
    assert await policies.version("v3") is None
