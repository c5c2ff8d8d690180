"""Requests that may come again: claimed by one, kept for a day, and free again when a gateway died with one."""

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.repeats import RedisRepeats
from gateway.ports.administration import Answered, Claimed, InProgress, OtherRequest


async def test_a_claim_is_one_askers_until_it_is_answered(store: Store) -> None:
    repeats = RedisRepeats(store)
    assert await repeats.claim("n", "r") == Claimed()
    assert await repeats.claim("n", "r") == InProgress()
    assert await repeats.claim("n", "another") == OtherRequest()
    await repeats.keep("n", "r", Answered("{}", "7"))
    assert await repeats.claim("n", "r") == Answered("{}", "7")
    assert await repeats.claim("n", "another") == OtherRequest()


async def test_what_is_forgotten_is_new(store: Store) -> None:
    repeats = RedisRepeats(store)
    await repeats.claim("n", "r")
    await repeats.forget("n")
    assert await repeats.claim("n", "another") == Claimed()


async def test_a_claim_lapses_within_a_minute_and_an_answer_within_a_day(store: Store) -> None:
    repeats = RedisRepeats(store)
    await repeats.claim("n", "r")
    assert 0 < await store.client.pttl("{toll}:repeat:n") <= 60_000
    await repeats.keep("n", "r", Answered("{}", None))
    assert 23 * 3600_000 < await store.client.pttl("{toll}:repeat:n") <= 24 * 3600_000
