"""Virtual keys in a real store: written once for every revision, found by digest, revoked at once."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.principal import Previous, Scope, VirtualKey
from gateway.ports import StoreUnavailable
from tests.doubles import NOON

KEY = VirtualKey(
    id="key_1",
    team="video",
    name="Köln render farm",
    digest="d1",
    pepper_version=2,
    last_four="abcd",
    scopes=frozenset({Scope.SUBMIT_JOB, Scope.LIST_MODELS}),
    models=("kling/*",),
    networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
    created_at=NOON,
    expires_at=NOON + timedelta(days=90, microseconds=1),
    revoked_at=None,
    revision=1,
    project="P-1",
    tags={"cost.center": "CC-4711"},
)
PLAIN = replace(KEY, id="key_2", digest="d2", networks=(), models=(), expires_at=None, project=None, tags={}, test=True)


@pytest.fixture
def virtual_keys(store: Store) -> RedisVirtualKeys:
    return RedisVirtualKeys(store)


async def commands(store: Store, doing: Awaitable[Any]) -> int:
    """How many commands the store ran for it, each of which the connection followed by an ECHO."""
    await store.client.config_resetstat()
    await doing
    ran = await store.client.info("commandstats")
    return sum(figures["calls"] for name, figures in ran.items() if name not in _NOT_FOR_IT)


_NOT_FOR_IT = ("cmdstat_echo", "cmdstat_info", "cmdstat_config|resetstat")


async def test_a_key_comes_back_as_it_was_put(virtual_keys: RedisVirtualKeys) -> None:
    for key in (KEY, PLAIN):
        assert await virtual_keys.put(key)
        assert await virtual_keys.get(key.id) == key
        assert await virtual_keys.by_digest(key.digest) == key


async def test_what_is_not_there_is_none(virtual_keys: RedisVirtualKeys) -> None:
    assert await virtual_keys.get("key_1") is None
    assert await virtual_keys.by_digest("d1") is None


@pytest.mark.parametrize("revision", [0, 2, 3])
async def test_a_new_key_begins_at_revision_one(store: Store, virtual_keys: RedisVirtualKeys, revision: int) -> None:
    assert not await virtual_keys.put(replace(KEY, revision=revision))
    assert await virtual_keys.get(KEY.id) is None
    assert await virtual_keys.by_digest(KEY.digest) is None
    assert await RedisKeyIndex(store).ids(KEY.team) == ()


async def test_only_the_next_revision_is_written(virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    for revision in (1, 3):
        assert not await virtual_keys.put(replace(KEY, name="another", revision=revision))
    assert await virtual_keys.get(KEY.id) == KEY

    changed = replace(KEY, name="another", revision=2)
    assert await virtual_keys.put(changed)
    assert await virtual_keys.get(KEY.id) == changed


async def test_of_many_writers_of_one_revision_one_succeeds(virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    rivals = [replace(KEY, name=f"writer {n}", revision=2) for n in range(50)]
    written = await asyncio.gather(*(virtual_keys.put(rival) for rival in rivals))

    assert written.count(True) == 1
    assert await virtual_keys.get(KEY.id) == rivals[written.index(True)]


async def test_a_digest_that_leads_to_another_key_stays_there(store: Store, virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    assert not await virtual_keys.put(replace(PLAIN, digest=KEY.digest))
    assert await virtual_keys.by_digest(KEY.digest) == KEY
    assert await RedisKeyIndex(store).ids(KEY.team) == (KEY.id,)


async def test_the_hold_script_finds_the_revision_as_text(store: Store, virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    await virtual_keys.put(replace(KEY, revision=2))
    assert await store.command("HGET", keys.key(KEY.id), "revision") == b"2"


async def test_a_revocation_elsewhere_counts_from_the_next_look(store: Store, virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    assert await virtual_keys.by_digest(KEY.digest) == KEY

    revoked = replace(KEY, revoked_at=NOON, revision=2)
    await RedisVirtualKeys(store).put(revoked)
    assert await virtual_keys.by_digest(KEY.digest) == revoked


async def test_a_digest_that_the_record_no_longer_names_opens_nothing(virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    assert await virtual_keys.by_digest("d1") == KEY

    rotated = replace(KEY, digest="d9", revision=2)
    await virtual_keys.put(rotated)
    assert await virtual_keys.by_digest("d1") is None
    assert await virtual_keys.by_digest("d9") == rotated


async def test_a_known_digest_costs_one_read(store: Store, virtual_keys: RedisVirtualKeys) -> None:
    await virtual_keys.put(KEY)
    assert await commands(store, virtual_keys.by_digest("d1")) == 2
    assert await commands(store, virtual_keys.by_digest("d1")) == 1
    assert await commands(store, virtual_keys.by_digest("unknown")) == 1


async def test_what_is_remembered_is_bounded(store: Store) -> None:
    virtual_keys = RedisVirtualKeys(store, remember=2)
    for n in range(3):
        await virtual_keys.put(replace(KEY, id=f"key_{n}", digest=f"d{n}"))
        await virtual_keys.by_digest(f"d{n}")

    assert [await commands(store, virtual_keys.by_digest(f"d{n}")) for n in (1, 2)] == [1, 1]
    assert await commands(store, virtual_keys.by_digest("d0")) == 2


async def test_no_answer_is_not_an_answer() -> None:
    store = connect("unix:///nowhere/at/all")
    virtual_keys = RedisVirtualKeys(store)
    for asking in (virtual_keys.by_digest("d1"), virtual_keys.get("key_1"), virtual_keys.put(KEY)):
        with pytest.raises(StoreUnavailable):
            await asking
    await store.close()


async def test_a_rotated_key_is_found_by_both_its_digests_and_remembered_as_it_is(
    virtual_keys: RedisVirtualKeys,
) -> None:
    await virtual_keys.put(KEY)
    assert await virtual_keys.by_digest("d1") == KEY
    rotated = replace(KEY, digest="d9", previous=Previous("d1", 2, "abcd", NOON), revision=2)
    await virtual_keys.put(rotated)
    assert await virtual_keys.by_digest("d9") == rotated
    assert virtual_keys.remembered("d1") == rotated
    assert await virtual_keys.by_digest("d1") == rotated


async def test_a_record_from_before_rotation_reads_as_never_rotated(
    store: Store, virtual_keys: RedisVirtualKeys
) -> None:
    await virtual_keys.put(KEY)
    record = json.loads(await store.command("HGET", keys.key(KEY.id), "record"))
    del record["previous"]
    await store.command("HSET", keys.key(KEY.id), "record", json.dumps(record))
    assert await virtual_keys.get(KEY.id) == KEY
