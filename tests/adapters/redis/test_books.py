"""The books of a real store: they add up whatever was done, and what somebody else changed is found."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.books import RedisBooks
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.past import RedisPast
from gateway.adapters.redis.watch import RedisWatch
from gateway.core.account import Demand
from gateway.core.books import Excerpt, discrepancies
from gateway.core.ledger import Outcome, State, Verb
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand

NOW = datetime.now(UTC)
LIMIT = 1_000


def monthly(amount: int) -> Demand:
    """On the team's account, in a window that has not ended."""
    return replace(demand(TEAM, amount, 99_999), resets_at=NOW + timedelta(days=10))


async def trade(ledger: RedisLedger, jobs: int = 12) -> None:
    """Jobs in every state."""
    asked = [admission(f"h{n}", monthly(100 + n), demand(RUNNING, 1, 99), created_at=NOW) for n in range(jobs)]
    await asyncio.gather(*(ledger.admit(one, NOW) for one in asked))
    ends = {1: [Verb.VOID], 2: [Verb.DOUBT], 3: [Verb.CAPTURE], 4: [Verb.CAPTURE, Verb.FINISH]}
    ends |= {5: [Verb.CAPTURE, Verb.REFUND], 6: [Verb.VOID, Verb.CAPTURE]}
    for number, one in enumerate(asked):
        for verb in ends.get(number, []):
            await ledger.move(verb, one.hold, NOW, job=f"j{number}" if verb is Verb.CAPTURE else "", cost=77)
    lost = admission("lost", monthly(5), demand(RUNNING, 1, 99), created_at=NOW)
    await ledger.move(Verb.CAPTURE, lost.hold, NOW, job="j-lost", cost=5)


async def read(store: Store, limit: int = LIMIT) -> Excerpt:
    return await RedisBooks(store).read(limit)


async def test_a_store_without_anything(store: Store) -> None:
    assert await read(store) == Excerpt((), True, (), True, {})


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


async def test_books_add_up_when_accounts_were_swept_and_something_is_heard_of_them_later(
    store: Store, ledger: RedisLedger
) -> None:
    await trade(ledger)
    past, later = RedisPast(store, timedelta(days=1_000)), NOW + timedelta(days=200)
    for hold_id in ("h0", "h2", "h7", "h8", "h9", "h10", "h11"):
        record = await ledger.find(hold_id)
        assert record is not None
        await ledger.move(Verb.CAPTURE, record.hold, NOW, job=f"late-{hold_id}", cost=7)
    assert (await past.sweep_holds(later, later - timedelta(days=90), LIMIT)).gone == 3
    assert (await past.sweep_accounts(later, later - timedelta(days=90), LIMIT)).gone == 1
    running = await ledger.find("h3")
    assert running is not None
    assert (await ledger.move(Verb.REFUND, running.hold, later, cost=77)).outcome is Outcome.REFUNDED

    found = await read(store)
    assert found.balances[TEAM.name] is None
    assert found.all_entries
    assert list(discrepancies(found)) == []
    # What else is missing is missed.
    await store.command("DEL", keys.account_of(RUNNING))
    assert len(list(discrepancies(await read(store)))) == 1
    await store.command("FLUSHALL")


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
