"""Holds that nobody spoke of again get an owner, and lose no money by it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.core.account import Balance
from gateway.core.admission import Created
from gateway.core.ledger import Hold, State, Verb
from gateway.service.overdue import Overdue
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.doubles import NOON, StillClock

GRACE = timedelta(seconds=10)


class House:
    """A ledger, and the clock that two gateways read."""

    def __init__(self, store: Store, ledger: RedisLedger) -> None:
        self.ledger = ledger
        self.clock = StillClock()
        holds = RedisOpenHolds(store, ledger)
        self.rounds = [Overdue(ledger, holds, self.clock) for _ in range(2)]

    async def admit(self, hold_id: str, deadline: datetime, sender: str = "b1") -> Hold:
        asked = admission(hold_id, demand(TEAM, 10, 10**9), sender=sender, deadline=deadline)
        assert isinstance(await self.ledger.admit(asked, datetime.now(UTC)), Created)
        return asked.hold

    async def state(self, hold_id: str) -> State:
        record = await self.ledger.find(hold_id)
        assert record is not None
        return record.state


@pytest.fixture
async def house(store: Store) -> House:
    return House(store, await open_ledger(store))


async def test_a_hold_past_its_deadline_and_the_grace_is_in_doubt_and_stays_held(house: House) -> None:
    await house.admit("h1", NOON)
    house.clock.advance(GRACE)
    assert await house.rounds[0]() == 0
    assert await house.state("h1") is State.HELD
    house.clock.advance(timedelta(microseconds=1))
    assert await house.rounds[0]() == 1
    assert await house.state("h1") is State.IN_DOUBT
    assert await house.ledger.balances([TEAM]) == (Balance(0, 10),)
    entry = (await house.ledger.entries())[-1]
    assert (entry.kind, entry.hold, entry.facts["cause"]) == ("doubted", "h1", "no answer by its deadline")


async def test_whoever_sent_it(house: House) -> None:
    for sender in ("b1", "b2", ""):
        await house.admit(f"h of {sender}", NOON, sender)
    house.clock.advance(timedelta(minutes=1))
    assert await house.rounds[0]() == 3
    assert await house.rounds[0]() == 0


async def test_many_are_worked_off_in_rounds(house: House) -> None:
    for n in range(250):
        await house.admit(f"h{n}", NOON)
    house.clock.advance(timedelta(minutes=1))
    assert [await house.rounds[0]() for _ in range(4)] == [100, 100, 50, 0]


async def test_several_gateways_at_once_move_each_once(house: House) -> None:
    for n in range(100):
        await house.admit(f"h{n}", NOON)
    house.clock.advance(timedelta(minutes=1))
    await asyncio.gather(*(one() for one in house.rounds * 3))
    doubted = [entry.hold for entry in await house.ledger.entries() if entry.kind == "doubted"]
    assert sorted(doubted) == sorted(f"h{n}" for n in range(100))


async def test_an_answer_that_comes_after_all_is_heard(house: House) -> None:
    hold = await house.admit("h1", NOON)
    house.clock.advance(timedelta(minutes=1))
    await house.rounds[0]()
    await house.ledger.move(Verb.CAPTURE, hold, house.clock.now(), job="job_1", cost=10)
    assert await house.rounds[0]() == 0
    assert await house.state("h1") is State.CAPTURED
    assert await house.ledger.balances([TEAM]) == (Balance(10, 0),)
