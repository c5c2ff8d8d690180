"""Lists of keys in a real store: always what looking at every key would say, and read in pages of any size."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.key_list import KeyPlace, KeyStatus, KeysWanted, status_of
from gateway.core.principal import VirtualKey
from tests.adapters.redis.test_virtual_keys import PLAIN
from tests.doubles import NOON

HOUR = timedelta(hours=1)


def made(number: int, **fields: Any) -> VirtualKey:
    return replace(PLAIN, id=f"key_{number}", digest=f"d{number}", **{"test": False, **fields})


async def put(store: Store, *made: VirtualKey) -> None:
    assert all(await asyncio.gather(*(RedisVirtualKeys(store).put(key) for key in made)))


async def walked(store: Store, wanted: KeysWanted, now: datetime = NOON) -> list[str]:
    """All that is wanted, page by page."""
    found: list[str] = []
    while True:
        page = await RedisKeyIndex(store).page(wanted, now)
        assert len(page.rows) <= wanted.limit
        found += [row.key.id for row in page.rows]
        if page.following is None:
            return found
        wanted = replace(wanted, after=page.following)


_KEY = st.tuples(
    st.sampled_from(["video", "audio"]),
    st.booleans(),
    st.sampled_from([None, -1, 0, 1, 2, 400]),
    st.integers(0, 3),
    st.booleans(),
)


@given(st.lists(_KEY, max_size=25), st.integers(1, 7))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_list_is_what_a_look_at_all_keys_would_say(
    store: Store, drawn: list[tuple[str, bool, int | None, int, bool]], size: int
) -> None:
    await store.client.flushall()
    all_keys: list[VirtualKey] = []
    for number, (team, test, ends, minute, revoked) in enumerate(drawn):
        expires = None if ends is None else NOON + ends * HOUR
        created = NOON - timedelta(minutes=minute)
        key = made(number, team=team, test=test, expires_at=expires, created_at=created)
        await put(store, key)
        if revoked:
            key = replace(key, revoked_at=NOON, revision=2)
            await put(store, key)
        all_keys.append(key)
    all_keys.sort(key=lambda key: (key.created_at, key.id))
    usable = [key for key in all_keys if status_of(key, NOON) is KeyStatus.ACTIVE]
    index = RedisKeyIndex(store)

    assert await walked(store, KeysWanted(size)) == [key.id for key in all_keys]
    for team in ("video", "audio"):
        mine = [key.id for key in all_keys if key.team == team]
        assert await walked(store, KeysWanted(size, team=team)) == mine == list(await index.ids(team))
        of_team = [key for key in usable if key.team == team]
        assert set(await index.usable(team, NOON)) == {key.id for key in of_team if not key.test}
        assert await index.count_usable(team, NOON) == len(of_team)
    for status in KeyStatus:
        expected = [key.id for key in all_keys if status_of(key, NOON) is status]
        assert await walked(store, KeysWanted(size, status=status)) == expected
    soon = [key for key in usable if key.expires_at is not None and key.expires_at <= NOON + 24 * HOUR]
    assert await walked(store, KeysWanted(size, expires_by=NOON + 24 * HOUR)) == [key.id for key in soon]
    counted = {team: sum(key.team == team for key in soon) for team in {key.team for key in soon}}
    assert await index.expiring(NOON, NOON + 24 * HOUR) == counted


async def test_a_page_that_finds_little_ends_and_says_where_to_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.redis.key_index._AT_ONCE", 3)
    monkeypatch.setattr("gateway.adapters.redis.key_index._BATCHES", 2)
    await put(store, *(made(number, project="P" if number == 17 else None) for number in range(10, 20)))
    first = await RedisKeyIndex(store).page(KeysWanted(project="P"), NOON)
    assert (first.rows, first.following and first.following.id) == ((), "key_15")
    assert await walked(store, KeysWanted(project="P")) == ["key_17"]


async def test_a_cursor_of_no_key_goes_on_at_its_instant(store: Store) -> None:
    await put(store, made(1, created_at=NOON - HOUR), made(2))
    made_up = KeyPlace(
        (NOON - HOUR / 2 - datetime(1970, 1, 1, tzinfo=NOON.tzinfo)) // timedelta(microseconds=1), "key_x"
    )
    assert await walked(store, KeysWanted(after=made_up)) == ["key_2"]


async def test_uses_are_hours_that_only_grow_and_make_no_key(store: Store) -> None:
    index = RedisKeyIndex(store)
    await put(store, made(1))
    assert await index.used_in("key_1") is None
    hour = int(NOON.timestamp()) // 3600
    await index.note_used(["key_1", "key_ghost"], hour)
    await index.note_used(["key_1"], hour - 5)
    assert await index.used_in("key_1") == NOON.replace(minute=0)
    [row] = (await index.page(KeysWanted(), NOON)).rows
    assert row.used_in == NOON.replace(minute=0)
    assert await store.command("EXISTS", keys.key("key_ghost")) == 0
    # A change of the key leaves it.
    await put(store, made(1, revision=2))
    assert await index.used_in("key_1") == NOON.replace(minute=0)
