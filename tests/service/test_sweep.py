"""What ended long ago goes, a little at a time."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.past import RedisPast
from gateway.core.ledger import Verb
from gateway.core.retention import KEPT, Swept
from gateway.ports import StoreUnavailable
from gateway.service import sweep
from gateway.service.sweep import Sweep
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand, open_ledger
from tests.adapters.redis.snapshot import snapshot
from tests.doubles import NOON, StillClock

AGES = timedelta(days=10_000)


class Rows:
    """Implements `sweep.Past`: so many holds and accounts wait, and this is what was asked."""

    def __init__(self, holds: int, accounts: int) -> None:
        self.holds, self.accounts = holds, accounts
        self.asked: list[tuple[datetime, datetime, int]] = []

    async def sweep_holds(self, now: datetime, horizon: datetime, limit: int) -> Swept:
        self.asked.append((now, horizon, limit))
        found = min(self.holds, limit)
        self.holds -= found
        return Swept(found, found)

    async def sweep_accounts(self, now: datetime, horizon: datetime, limit: int) -> Swept:
        found = min(self.accounts, limit)
        self.accounts -= found
        return Swept(found, found)


async def ended(ledger: RedisLedger, *hold_ids: str) -> None:
    for hold_id in hold_ids:
        asked = admission(hold_id, demand(TEAM, 10, 10**9), demand(RUNNING, 1, 10**6))
        await ledger.admit(asked, datetime.now(UTC))
        await ledger.move(Verb.VOID, asked.hold, NOON)


async def test_what_ended_ninety_days_ago_goes_and_is_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ledger, clock = await open_ledger(store, AGES), StillClock()
    await ended(ledger, "h1", "h2")
    sweeping = Sweep(RedisPast(store, AGES), clock, pause_s=0)

    clock.advance(KEPT - timedelta(microseconds=1))
    assert await sweeping() == (0, 0)
    assert caplog.messages == []
    clock.advance(timedelta(days=365))
    assert await sweeping() == (2, 1)
    assert caplog.messages == ["swept 2 holds and 1 accounts that ended long ago"]
    assert await sweeping() == (0, 0)

    left = await snapshot(store)
    assert (left.holds, list(left.accounts)) == ({}, [RUNNING.name])


async def test_many_go_in_small_batches_and_the_rest_in_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_BATCHES", 3)
    rows, clock = Rows(holds=50, accounts=11), StillClock()
    sweeping = Sweep(rows, clock, pause_s=0)

    assert [await sweeping() for _ in range(3)] == [(30, 11), (20, 0), (0, 0)]
    assert set(rows.asked) == {(NOON, NOON - timedelta(days=90), 10)}


async def test_a_store_that_does_not_answer_is_the_loop_s_to_try_again(store: Store) -> None:
    ledger, clock = await open_ledger(store, AGES), StillClock()
    await ended(ledger, "h1")
    clock.advance(2 * KEPT)
    sweeping = Sweep(RedisPast(store, AGES), clock, pause_s=0)
    await store.command("HSET", "{toll}:store", "frozen", "history lost")

    with pytest.raises(StoreUnavailable):
        await sweeping()
    await store.command("HDEL", "{toll}:store", "frozen")
    assert await sweeping() == (1, 1)
