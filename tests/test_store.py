"""The leak check of the `store` fixture, which must not be blind."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from tests.store import leaks


@pytest.fixture
async def unchecked(store_url: str) -> AsyncIterator[Store]:
    connection = connect(store_url)
    await connection.client.flushall()
    yield connection
    await connection.client.flushall()
    await connection.close()


async def test_an_account_that_expires_is_found(unchecked: Store) -> None:
    await unchecked.command("HSET", keys.account("team:a"), "posted", 1)
    assert await leaks(unchecked) == []
    await unchecked.command("EXPIRE", keys.account("team:a"), 60)
    assert await leaks(unchecked) == ["{toll}:account:team:a: would vanish, and must not"]


async def test_a_rate_that_does_not_expire_is_found(unchecked: Store) -> None:
    await unchecked.command("SET", "{toll}:rate:key:k:submits", 1)
    assert await leaks(unchecked) == ["{toll}:rate:key:k:submits: would stay for ever"]
    await unchecked.command("EXPIRE", "{toll}:rate:key:k:submits", 60)
    assert await leaks(unchecked) == []


async def test_a_hold_in_an_index_lasts_and_a_tombstone_does_not(unchecked: Store) -> None:
    await unchecked.command("HSET", keys.hold("ended"), "state", "voided")
    await unchecked.command("ZADD", keys.ENDED, 1, "ended")
    await unchecked.command("HSET", keys.hold("tombstone"), "state", "voided")
    assert await leaks(unchecked) == ["{toll}:hold:tombstone: would stay for ever"]
    await unchecked.command("EXPIRE", keys.hold("tombstone"), 60)
    await unchecked.command("EXPIRE", keys.hold("ended"), 60)
    assert await leaks(unchecked) == ["{toll}:hold:ended: would vanish, and must not"]


async def test_a_key_that_nobody_declared_is_found(unchecked: Store) -> None:
    await unchecked.command("SET", "{toll}:cache:x", 1)
    assert await leaks(unchecked) == ["{toll}:cache:x: nobody declared such a key"]
