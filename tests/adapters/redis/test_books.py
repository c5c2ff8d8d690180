"""The books of a real store: they add up whatever was done, and what somebody else changed is found."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.books import RedisBooks
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.watch import RedisWatch
from gateway.core.books import Excerpt, discrepancies
from gateway.core.ledger import State, Verb
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand

NOW = datetime.now(UTC)
LIMIT = 1_000


async def trade(ledger: RedisLedger, jobs: int = 12) -> None:
    """Jobs in every state."""
    asked = [
        admission(f"h{n}", demand(TEAM, 100 + n, 99_999), demand(RUNNING, 1, 99), created_at=NOW) for n in range(jobs)
    ]
    await asyncio.gather(*(ledger.admit(one, NOW) for one in asked))
    ends = {1: [Verb.VOID], 2: [Verb.DOUBT], 3: [Verb.CAPTURE], 4: [Verb.CAPTURE, Verb.FINISH]}
    ends |= {5: [Verb.CAPTURE, Verb.REFUND], 6: [Verb.VOID, Verb.CAPTURE]}
    for number, one in enumerate(asked):
        for verb in ends.get(number, []):
            await ledger.move(verb, one.hold, NOW, job=f"j{number}" if verb is Verb.CAPTURE else "", cost=77)
    lost = admission("lost", demand(TEAM, 5, 99), demand(RUNNING, 1, 99), created_at=NOW)
    await ledger.move(Verb.CAPTURE, lost.hold, NOW, job="j-lost", cost=5)


async def read(store: Store, limit: int = LIMIT) -> Excerpt:
    return await RedisBooks(store).read(limit)


async def test_a_store_without_anything(store: Store) -> None:
    found = await read(store)
    assert found == Excerpt(found.at, (), True, (), True, {})
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_books_add_up_after_everything_that_can_happen(store: Store, ledger: RedisLedger) -> None:
    await trade(ledger)
    found = await read(store)
    assert (found.all_holds, found.all_entries) == (True, True)
    assert {hold.indexed for hold in found.holds} == {State.HELD, State.IN_DOUBT, State.CAPTURED}
    assert found.balances.keys() == {TEAM.name, RUNNING.name}
    assert list(discrepancies(found)) == []

    watch = RedisWatch(store.run, timedelta(), timedelta())
    assert await watch.freeze("e1", "e1.2", 1, 500)
    assert await watch.thaw("e1.2", "e1.3", NOW) is not None
    again = await read(store)
    assert again.all_entries
    assert list(discrepancies(again)) == []


@pytest.mark.parametrize("field", ["posted", "held"])
@pytest.mark.parametrize("by", [1, -1])
async def test_a_balance_that_was_changed_by_hand(store: Store, ledger: RedisLedger, field: str, by: int) -> None:
    await trade(ledger)
    await store.command("HINCRBY", keys.account_of(TEAM), field, by)
    [sentence] = discrepancies(await read(store))
    assert TEAM.name in sentence


@pytest.mark.parametrize("lost", [keys.account_of(TEAM), keys.hold("h0"), keys.OPEN[State.HELD]])
async def test_what_was_thrown_away(store: Store, ledger: RedisLedger, lost: str) -> None:
    await trade(ledger)
    await store.command("DEL", lost)
    assert list(discrepancies(await read(store))) != []
    await store.command("FLUSHALL")


async def test_more_than_was_to_be_read(store: Store, ledger: RedisLedger) -> None:
    await trade(ledger)
    some = await read(store, 4)
    assert (some.all_holds, len(some.holds), some.all_entries, some.moves) == (False, 4, False, ())
    assert list(discrepancies(some)) == []
    await store.command("HSET", keys.account_of(TEAM), "held", 100)
    assert len(list(discrepancies(await read(store, 4)))) == 1
    await store.command("FLUSHALL")


async def test_entries_that_were_trimmed_say_nothing_of_what_was_posted(store: Store, ledger: RedisLedger) -> None:
    await trade(ledger)
    await store.command("XTRIM", keys.ENTRIES, "MINID", "3-0")
    found = await read(store)
    assert (found.all_holds, found.all_entries) == (True, False)
    assert list(discrepancies(found)) == []
    # Nor does a count that comes out right by accident.
    await store.command("XDEL", keys.ENTRIES, "4-0")
    assert not (await read(store)).all_entries
