"""Open holds are found by who may send them, and by how long they are overdue."""

from datetime import datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.core.admission import Created
from gateway.core.ledger import Hold, State, Verb
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.doubles import NOON


@pytest.fixture
async def holds(store: Store, ledger: RedisLedger) -> RedisOpenHolds:
    return RedisOpenHolds(store, ledger)


async def admit(store: Store, ledger: RedisLedger, hold_id: str, sender: str, deadline: datetime = NOON) -> Hold:
    asked = admission(hold_id, demand(TEAM, 1, 10**9), sender=sender, deadline=deadline)
    seconds, _ = await store.command("TIME")
    assert isinstance(await ledger.admit(asked, datetime.fromtimestamp(int(seconds), NOON.tzinfo)), Created)
    return asked.hold


async def found(holds: RedisOpenHolds, *senders: str) -> list[tuple[str, State]]:
    return sorted([(record.hold.id, record.state) async for record in holds.of(frozenset(senders))])


async def test_of_several_senders_those_that_were_asked_for(
    store: Store, ledger: RedisLedger, holds: RedisOpenHolds
) -> None:
    for sender in ("b1", "b2", "b3"):
        for n in range(2):
            await admit(store, ledger, f"h{n} of {sender}", sender)
    assert await found(holds, "b1", "b3") == [
        ("h0 of b1", State.HELD),
        ("h0 of b3", State.HELD),
        ("h1 of b1", State.HELD),
        ("h1 of b3", State.HELD),
    ]
    assert await found(holds, "nobody") == []
    assert await found(holds) == []


async def test_those_in_doubt_and_none_that_came_to_an_end(
    store: Store, ledger: RedisLedger, holds: RedisOpenHolds
) -> None:
    made = {verb: await admit(store, ledger, f"h {verb}", "b1") for verb in (Verb.CAPTURE, Verb.VOID, Verb.DOUBT)}
    for verb, hold in made.items():
        await ledger.move(verb, hold, NOON, job="job_1" if verb is Verb.CAPTURE else "")
    assert await found(holds, "b1") == [("h doubt", State.IN_DOUBT)]


async def test_more_than_one_page_while_they_move(store: Store, ledger: RedisLedger, holds: RedisOpenHolds) -> None:
    for n in range(1100):
        await admit(store, ledger, f"h{n}", "b1")
    seen = set()
    async for record in holds.of({"b1"}):
        seen.add(record.hold.id)
        await ledger.move(Verb.VOID, record.hold, NOON)
    assert seen == {f"h{n}" for n in range(1100)}
    assert await found(holds, "b1") == []


async def test_an_index_that_names_what_is_gone_does_no_harm(
    store: Store, ledger: RedisLedger, holds: RedisOpenHolds
) -> None:
    await admit(store, ledger, "h1", "b1")
    await store.command("ZADD", keys.OPEN[State.HELD], 1, "gone")
    assert await found(holds, "b1") == [("h1", State.HELD)]
    assert [hold.id for hold in await holds.overdue(NOON + timedelta(days=1), 10)] == ["h1"]


async def test_the_overdue_are_those_held_whose_deadline_is_past_the_oldest_first(
    store: Store, ledger: RedisLedger, holds: RedisOpenHolds
) -> None:
    late = [await admit(store, ledger, f"h{n}", f"b{n}", NOON - timedelta(microseconds=n)) for n in range(5)]
    await ledger.move(Verb.DOUBT, late[4], NOON)
    # Its deadline is this very instant: not before it.
    assert [hold.id for hold in await holds.overdue(NOON, 10)] == ["h3", "h2", "h1"]
    assert await holds.overdue(NOON, 2) == (late[3], late[2])
    assert await holds.overdue(NOON - timedelta(seconds=1), 10) == ()


async def test_a_piece_at_a_time_by_instant_and_id_though_many_are_of_one_instant(
    store: Store, ledger: RedisLedger, holds: RedisOpenHolds
) -> None:
    due = [("a", 1), *((f"m{n}", 2) for n in range(7)), ("b", 3)]
    for hold_id, second in reversed(due):
        await admit(store, ledger, hold_id, "b1", NOON + timedelta(seconds=second))
    for count in (1, 2, 3, 100):
        told: list[str] = []
        after = None
        while piece := await holds.behind(State.HELD, after, count):
            assert len(piece) <= count
            told += [stand.hold for stand in piece]
            after = piece[-1]
        assert told == [hold_id for hold_id, _ in due]
    assert await holds.behind(State.LOST, None, 5) == ()
