"""Entries as the exporter reads them, and a store that trims only what was exported from where it still stands."""

from datetime import UTC, datetime

import pytest

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.stream import RedisStream
from gateway.core.acceptance import Witness
from gateway.core.export import StoreSide
from gateway.core.hold_record import decode_hold
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import TEAM, admission, demand

NOW = datetime.now(UTC)


async def sell(ledger: RedisLedger, jobs: int) -> None:
    for number in range(1, jobs + 1):
        one = admission(f"h{number}", demand(TEAM, 100, 10**9), created_at=NOW)
        await ledger.admit(one, NOW)
        await ledger.move(Verb.CAPTURE, one.hold, NOW, job=f"j{number}", cost=77, facts={"cause": "said so"})


async def test_a_store_without_an_epoch(store: Store) -> None:
    assert await RedisStream(store).state() is None
    assert not await RedisStream(store).exported("ledger", None)
    assert await store.command("EXISTS", keys.STORE) == 0


async def test_entries_carry_all_that_was_written(store: Store, ledger: RedisLedger) -> None:
    await sell(ledger, 2)
    first, second = await RedisStream(store).read(0, 2)
    assert first.record is not None
    assert decode_hold(first.record) == admission("h1", demand(TEAM, 100, 10**9), created_at=NOW).hold
    assert (first.place, first.kind, first.at) == (Witness("e1", 1, "h1"), "hold", codec.micros(NOW))
    assert (first.moves, first.facts) == (f"{TEAM.name} 0 100", {})
    assert (second.moves, second.record) == (f"{TEAM.name} 77 -100", None)
    assert second.facts == {"cause": "said so", "job": "j1", "cost": "77"}
    assert [line.place.sequence for line in await RedisStream(store).read(3, 9)] == [3, 4]


async def test_the_first_ledger_is_the_only_one(store: Store, ledger: RedisLedger) -> None:
    stream = RedisStream(store, backlog=50)
    assert await stream.state() == StoreSide("e1", "acme", False, None)
    assert await stream.exported("ours", None)
    assert await stream.state() == StoreSide("e1", "acme", False, "ours")
    assert not await stream.exported("theirs", None)
    assert await store.command("HMGET", keys.STORE, "exported", "room_to") == [b"0", b"50"]


@pytest.mark.parametrize(
    "claimed", [Witness("e1", 6, "h2"), Witness("e1.2", 6, "h3"), Witness("e1", 7, "h4"), Witness("e1", 20, "h9")]
)
async def test_nothing_is_trimmed_below_what_does_not_stand_there(
    store: Store, ledger: RedisLedger, claimed: Witness
) -> None:
    await sell(ledger, 3)
    stream = RedisStream(store, tail=0)
    assert not await stream.exported("ours", claimed)
    assert await store.command("XLEN", keys.ENTRIES) == 6
    assert await store.command("HEXISTS", keys.STORE, "exported") == 0


async def test_what_is_exported_goes_but_for_a_tail_and_never_the_last(store: Store, ledger: RedisLedger) -> None:
    await sell(ledger, 4)
    assert await RedisStream(store, tail=2).exported("ours", Witness("e1", 6, "h3"))
    assert [line.place.sequence for line in await RedisStream(store).read(0, 9)] == [4, 5, 6, 7, 8]
    assert await RedisStream(store, tail=0).exported("ours", Witness("e1", 8, "h4"))
    assert [line.place.sequence for line in await RedisStream(store).read(0, 9)] == [8]
