"""Talking with the sweep: what goes, when, with what; and what stays although it is old."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.past import RedisPast
from gateway.core.account import Account, AccountScope, Balance, Meter
from gateway.core.admission import Admission, Closed, Created, Exists
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Hold, Move, Outcome, State, Verb
from gateway.core.retention import Swept, horizon
from gateway.ports import StoreUnavailable
from tests.adapters.redis.holds import RUNNING, admission, demand, open_ledger
from tests.adapters.redis.proxy import proxy_to
from tests.adapters.redis.snapshot import snapshot
from tests.store import running_store

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
MONTH_END = NOW + 10 * DAY
AGES = timedelta(days=10_000)
MANY = 1000

MONTH = Account(AccountScope.TEAM, "red", "spend", Meter.USD, "this-month")
EVER = Account(AccountScope.TEAM, "red", "ever", Meter.USD, "total")


@pytest.fixture
async def ledger(store: Store) -> RedisLedger:
    return await open_ledger(store, AGES)


@pytest.fixture
async def past(store: Store) -> RedisPast:
    return RedisPast(store, AGES)


@pytest.fixture
async def own_store() -> AsyncIterator[Store]:
    """A store that may be spoilt."""
    with running_store() as url:
        connection = connect(url)
        yield connection
        await connection.close()


def one_job(hold_id: str = "h1", amount: int = 7, **fields: Any) -> Admission:
    """Charged to the month's account, to one whose window never ends, and to those that run."""
    month = replace(demand(MONTH, amount, 10**9), resets_at=MONTH_END)
    ever = replace(demand(EVER, amount, 10**9), resets_at=None)
    return admission(hold_id, month, ever, demand(RUNNING, 1, 10**6), **{"created_at": NOW} | fields)


async def live(ledger: RedisLedger, asked: Admission, *verbs: Verb, at: datetime = NOW) -> Hold:
    """Admit a hold, and let these moves happen to it."""
    hold = asked.hold
    assert isinstance(await ledger.admit(asked, hold.created_at), Created)
    for verb in verbs:
        job = f"job of {hold.id}" if verb is Verb.CAPTURE else ""
        await ledger.move(verb, hold, at, job=job, cost=hold.amount)
    return hold


async def sweep(past: RedisPast, now: datetime) -> tuple[int, int]:
    """Everything that may go: how many holds and accounts went."""
    holds = await past.sweep_holds(now, horizon(now), MANY)
    accounts = await past.sweep_accounts(now, horizon(now), MANY)
    return holds.gone, accounts.gone


async def dump(store: Store) -> dict[bytes, bytes]:
    """The whole store, whatever the types."""
    return {key: await store.command("DUMP", key) for key in await store.command("KEYS", "*")}


# Holds.


@pytest.mark.parametrize(
    "verbs", [(Verb.VOID,), (Verb.DOUBT, Verb.VOID), (Verb.CAPTURE, Verb.FINISH), (Verb.CAPTURE, Verb.REFUND)]
)
async def test_a_hold_goes_ninety_days_after_its_end_and_all_that_leads_to_it(
    ledger: RedisLedger, store: Store, past: RedisPast, verbs: tuple[Verb, ...]
) -> None:
    await live(ledger, one_job(), *verbs, at=NOW + 5 * DAY)
    before = await snapshot(store)

    assert await sweep(past, NOW + 95 * DAY - TICK) == (0, 0)
    assert await snapshot(store) == before
    assert await sweep(past, NOW + 95 * DAY) == (1, 0)

    left = await snapshot(store)
    assert (left.holds, left.jobs, left.indices) == ({}, {}, {})
    assert (left.accounts, left.length) == (before.accounts, before.length)
    assert await ledger.find("h1") is None


@pytest.mark.parametrize("verbs", [(), (Verb.DOUBT,), (Verb.CAPTURE,), (Verb.DOUBT, Verb.CAPTURE)])
async def test_what_is_open_stays_however_old_it_is(
    ledger: RedisLedger, store: Store, past: RedisPast, verbs: tuple[Verb, ...]
) -> None:
    hold = await live(ledger, one_job(), *verbs)
    before = await snapshot(store)

    assert await sweep(past, NOW + 9000 * DAY) == (0, 0)
    assert await snapshot(store) == before
    # Not even where an index says that it has ended.
    await store.command("ZADD", keys.ENDED, 1, hold.id)
    assert await sweep(past, NOW + 9000 * DAY) == (0, 0)
    assert await snapshot(store) == before


async def test_the_oldest_go_first_and_no_more_than_were_asked_for(ledger: RedisLedger, past: RedisPast) -> None:
    for n in (3, 1, 2):
        await live(ledger, one_job(f"h{n}"), Verb.VOID, at=NOW + n * TICK)
    later = NOW + 91 * DAY

    assert await past.sweep_holds(later, horizon(later), 2) == Swept(found=2, gone=2)
    assert await ledger.find("h3") is not None
    assert await past.sweep_holds(later, horizon(later), 2) == Swept(found=1, gone=1)
    assert await past.sweep_holds(later, horizon(later), 2) == Swept(found=0, gone=0)


async def test_an_end_by_a_clock_that_was_behind_counts_from_the_hold_s_beginning(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH, at=NOW - 1000 * DAY)

    for _ in range(2):
        assert await sweep(past, NOW + 90 * DAY - TICK) == (0, 0)
    assert await ledger.find("h1") is not None
    assert await store.command("GET", keys.job("job of h1")) == b"h1"
    assert await sweep(past, NOW + 90 * DAY) == (1, 0)


async def test_a_job_that_leads_to_another_hold_stays(ledger: RedisLedger, store: Store, past: RedisPast) -> None:
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH)
    await store.command("SET", keys.job("job of h1"), "h2")

    assert await sweep(past, NOW + 90 * DAY) == (1, 0)
    assert (await snapshot(store)).jobs == {"job of h1": "h2"}


async def test_an_index_that_names_what_is_gone_is_put_right(
    store: Store, ledger: RedisLedger, past: RedisPast
) -> None:
    await store.command("ZADD", keys.ENDED, 1, "h1")

    assert await past.sweep_holds(NOW, horizon(NOW), MANY) == Swept(found=1, gone=0)
    assert (await snapshot(store)).indices == {}


async def test_the_tombstone_of_what_was_never_held_is_not_ours_to_sweep(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    await ledger.move(Verb.VOID, one_job().hold, NOW)

    assert await sweep(past, NOW + 9000 * DAY) == (0, 0)
    assert list((await snapshot(store)).holds) == ["h1"]


class Between:
    """A store in which something happens between what the sweep reads and its script."""

    def __init__(self, store: Store, happens: Callable[[], Awaitable[object]]) -> None:
        self._store = store
        self._happens = happens
        self.command = store.command

    async def run(self, *call: Any) -> list[Any]:
        await self._happens()
        return await self._store.run(*call)


async def test_a_hold_that_is_revived_while_it_is_looked_at_stays(ledger: RedisLedger, store: Store) -> None:
    hold = await live(ledger, one_job(), Verb.VOID)
    later = NOW + 90 * DAY

    async def revive() -> None:
        young = replace(hold, created_at=later)
        moved = await ledger.move(Verb.CAPTURE, young, later, job="j1", cost=7)
        assert moved.outcome is Outcome.OVERAGE

    assert await sweep(RedisPast(Between(store, revive), AGES), later) == (0, 0)

    record = await ledger.find("h1")
    assert record is not None
    assert (record.state, record.job) == (State.CAPTURED, "j1")
    assert await ledger.balances([MONTH, RUNNING]) == (Balance(7, 0), Balance(0, 1))


async def test_one_that_even_ended_anew_meanwhile_stays_with_its_job(ledger: RedisLedger, store: Store) -> None:
    hold = await live(ledger, one_job(), Verb.VOID, at=NOW)

    async def revive_and_end() -> None:
        # By clocks that say the same again.
        await ledger.move(Verb.CAPTURE, hold, NOW, job="j1", cost=7)
        await ledger.move(Verb.FINISH, hold, NOW)

    assert await sweep(RedisPast(Between(store, revive_and_end), AGES), NOW + 90 * DAY) == (0, 0)
    assert (await snapshot(store)).jobs == {"j1": "h1"}
    assert await sweep(RedisPast(store, AGES), NOW + 90 * DAY) == (1, 0)
    assert (await snapshot(store)).jobs == {}


async def test_one_whose_end_is_noted_anew_meanwhile_stays(ledger: RedisLedger, store: Store) -> None:
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH)

    async def note_anew() -> None:
        await store.command("ZADD", keys.ENDED, 5 * 10**15, "h1")

    before = (await snapshot(store)).holds
    assert await sweep(RedisPast(Between(store, note_anew), AGES), NOW + 90 * DAY) == (0, 0)
    assert (await snapshot(store)).holds == before


# What is remembered of a hold.


async def test_the_key_of_a_hold_that_is_gone_is_free(ledger: RedisLedger, store: Store, past: RedisPast) -> None:
    once = Idempotency("once", "asked")
    # Its end was noted by a clock that was behind: the answer is still owed when the hold is old enough to go.
    await live(ledger, one_job("h1", idempotency=once), Verb.CAPTURE, at=NOW + 200 * DAY)
    await ledger.move(Verb.FINISH, one_job("h1", idempotency=once).hold, NOW)
    again = one_job("h2", idempotency=once)
    assert await ledger.admit(again, NOW) == Exists("h1", same_body=True)

    assert await sweep(past, NOW + 90 * DAY) == (1, 0)

    assert await ledger.bound(once) is None
    assert isinstance(await ledger.admit(again, NOW), Created)
    assert await ledger.bound(once) == Exists("h2", same_body=True)


async def test_a_key_that_has_gone_on_to_another_hold_stays_there(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    once = Idempotency("once", "asked")
    await live(ledger, one_job("h1", idempotency=once), Verb.VOID)
    await live(ledger, one_job("h2", idempotency=once), Verb.DOUBT)

    assert await sweep(past, NOW + 90 * DAY) == (1, 0)
    assert await ledger.bound(once) == Exists("h2", same_body=True)


async def test_a_body_in_doubt_is_remembered_when_its_twin_goes(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    first, second = one_job("h1", digest="body"), one_job("h2", digest="body")
    await ledger.admit(first, NOW)
    await ledger.admit(second, NOW)
    await ledger.move(Verb.DOUBT, first.hold, NOW)
    await ledger.move(Verb.DOUBT, second.hold, NOW)
    await ledger.move(Verb.CAPTURE, first.hold, NOW + 200 * DAY, job="j1", cost=7)
    await ledger.move(Verb.FINISH, first.hold, NOW)

    assert await sweep(past, NOW + 90 * DAY) == (1, 0)

    # Else it would get the answer that is owed to the first one's body, and nobody has that any more.
    assert await ledger.admit(one_job("h3", digest="body"), NOW) == Exists("h2", same_body=True)
    await ledger.move(Verb.VOID, second.hold, NOW)
    assert isinstance(await ledger.admit(one_job("h3", digest="body"), NOW), Created)


# Accounts.


async def test_an_account_goes_ninety_days_after_its_window(ledger: RedisLedger, store: Store, past: RedisPast) -> None:
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH)
    gone_at = MONTH_END + 90 * DAY

    assert await sweep(past, gone_at - TICK) == (1, 0)
    assert await ledger.balances([MONTH, EVER]) == (Balance(7, 0), Balance(7, 0))
    assert await sweep(past, gone_at) == (0, 1)

    left = await snapshot(store)
    assert set(left.accounts) == {EVER.name, RUNNING.name}
    assert left.past == {}
    assert await sweep(past, gone_at + 9000 * DAY) == (0, 0)
    assert await snapshot(store) == left


async def test_an_account_on_which_something_is_held_stays_until_that_has_gone(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    await live(ledger, one_job("h1"), Verb.CAPTURE, Verb.FINISH)
    doubtful = await live(ledger, one_job("h2"), Verb.DOUBT)

    for _ in range(2):
        await sweep(past, NOW + 200 * DAY)
    assert await ledger.balances([MONTH]) == (Balance(7, 7),)
    moved = await ledger.move(Verb.CAPTURE, doubtful, NOW + 201 * DAY, job="j2", cost=8)
    assert moved.balances[0] == Balance(15, 0)
    await ledger.move(Verb.REFUND, doubtful, NOW + 202 * DAY, cost=8)
    assert await ledger.balances([MONTH]) == (Balance(7, 0),)
    assert await sweep(past, NOW + 292 * DAY - TICK) == (0, 0)
    assert await sweep(past, NOW + 292 * DAY) == (1, 1)


async def test_an_account_of_which_every_hold_is_still_there_stays(ledger: RedisLedger, past: RedisPast) -> None:
    hold = await live(ledger, one_job(), Verb.CAPTURE)

    assert await sweep(past, NOW + 200 * DAY) == (0, 0)
    await ledger.move(Verb.REFUND, hold, NOW + 201 * DAY, cost=7)
    assert await ledger.balances([MONTH]) == (Balance(0, 0),)


@pytest.mark.parametrize("verb", [Verb.CAPTURE, Verb.VOID])
async def test_late_facts_never_make_an_account_again_that_was_swept(
    ledger: RedisLedger, store: Store, past: RedisPast, verb: Verb
) -> None:
    """A hold in doubt that held nothing there, and a job that ran all the while."""
    running = await live(ledger, one_job("h1"), Verb.CAPTURE)
    free = await live(ledger, one_job("h2", amount=0), Verb.DOUBT)
    await live(ledger, one_job("h3"), Verb.CAPTURE, Verb.FINISH)
    assert await sweep(past, NOW + 200 * DAY) == (1, 1)
    later = NOW + 201 * DAY

    await ledger.move(verb, free, later, job="j2" if verb is Verb.CAPTURE else "", cost=3)
    await ledger.move(Verb.REFUND, running, later, cost=7)

    extra = 3 if verb is Verb.CAPTURE else 0
    assert MONTH.name not in (await snapshot(store)).accounts
    assert await ledger.balances([MONTH, EVER]) == (Balance(0, 0), Balance(7 + extra, 0))
    # The entries say all of it.
    posted = [move.posted for entry in await ledger.entries() for move in entry.moves if move.account == MONTH.name]
    assert sum(posted) == 7 + extra


async def test_an_overage_makes_no_account_of_a_window_that_was_swept(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    never_held = one_job("h1").hold
    await live(ledger, one_job("h2"), Verb.VOID)
    await ledger.move(Verb.VOID, never_held, NOW)
    assert await sweep(past, NOW + 200 * DAY) == (1, 1)

    moved = await ledger.move(Verb.CAPTURE, never_held, NOW + 200 * DAY, job="j1", cost=7)

    assert moved.outcome is Outcome.OVERAGE
    assert await ledger.balances([MONTH, EVER, RUNNING]) == (Balance(0, 0), Balance(7, 0), Balance(0, 1))
    assert Move(MONTH.name, 7, 0) in (await ledger.entries())[-1].moves


async def test_an_account_of_a_later_window_is_made_as_ever(ledger: RedisLedger, past: RedisPast) -> None:
    await live(ledger, one_job("h1"), Verb.VOID)
    assert await sweep(past, NOW + 200 * DAY) == (1, 1)
    later = NOW + 200 * DAY
    month = Account(AccountScope.TEAM, "red", "spend", Meter.USD, "later")
    asked = admission("h2", replace(demand(month, 7, 10), resets_at=later + TICK), created_at=later)

    assert await ledger.admit(asked, later) == Created((Balance(0, 7),))
    lost = admission("h3", replace(demand(month, 5, 10), resets_at=later + TICK), created_at=later).hold
    assert (await ledger.move(Verb.CAPTURE, lost, later, job="j3", cost=5)).balances == (Balance(5, 7),)


async def test_a_store_whose_clock_went_back_gives_no_swept_budget_out_again(
    ledger: RedisLedger, store: Store, past: RedisPast
) -> None:
    """An account once swept would begin at nothing, and a refund of what was posted would take it below."""
    await live(ledger, one_job("h1"), Verb.CAPTURE, Verb.FINISH)
    await sweep(past, NOW + 200 * DAY)
    before = await snapshot(store)

    assert await ledger.admit(one_job("h2"), NOW) == Closed("past this window")
    assert await snapshot(store) == before


# What keeps a sweep from being done.


async def test_a_clock_that_differs_too_much_sweeps_nothing(ledger: RedisLedger, store: Store) -> None:
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH, at=NOW - 1000 * DAY)
    await store.command("ZADD", keys.PAST_ACCOUNTS, 1, MONTH.name)
    before = await snapshot(store)
    strict = RedisPast(store)

    for sweeping in (strict.sweep_holds, strict.sweep_accounts):
        with pytest.raises(StoreUnavailable, match="at another time"):
            await sweeping(NOW + 365 * DAY, NOW + 275 * DAY, MANY)
    assert await snapshot(store) == before


async def test_one_that_is_right_sweeps(store: Store) -> None:
    ledger = await open_ledger(store, AGES)
    ago = datetime.now(UTC) - 200 * DAY
    asked = one_job(created_at=ago)
    month, *others = asked.hold.charges
    old = replace(asked.hold, charges=(replace(month, ends_at=ago + DAY), *others))
    demands = (replace(asked.demands[0], resets_at=ago + DAY), *asked.demands[1:])
    await live(ledger, Admission(old, demands, ()), Verb.VOID, at=ago)

    assert await sweep(RedisPast(store), datetime.now(UTC)) == (1, 1)


@pytest.mark.parametrize("spoilt", ["frozen", "uninitialised"])
async def test_a_store_that_is_not_as_it_should_be_is_left_as_it_is(
    ledger: RedisLedger, store: Store, past: RedisPast, spoilt: str
) -> None:
    await live(ledger, one_job(), Verb.VOID)
    await store.command("ZADD", keys.PAST_ACCOUNTS, 1, MONTH.name)
    change = ("HSET", keys.STORE, "frozen", "history lost") if spoilt == "frozen" else ("HDEL", keys.STORE, "epoch")
    await store.command(*change)
    before, later = await snapshot(store), NOW + 200 * DAY

    for sweeping in (past.sweep_holds, past.sweep_accounts):
        with pytest.raises(StoreUnavailable, match=spoilt):
            await sweeping(later, horizon(later), MANY)
    assert await snapshot(store) == before


READ_WITH_A_HOLD = [
    *(keys.STORE, keys.ENDED, keys.hold("h1"), keys.job("job of h1"), keys.idempotency("once"), keys.PAST_ACCOUNTS),
]
READ_WITH_AN_ACCOUNT = [keys.STORE, keys.PAST_ACCOUNTS, keys.account_of(MONTH)]


async def spoil(store: Store, key: str) -> None:
    await store.command("DEL", key)
    await store.command("SADD", key, "not what it was")


@pytest.mark.parametrize("key", READ_WITH_A_HOLD)
async def test_a_spoilt_key_leaves_no_half_of_a_hold_that_goes(own_store: Store, key: str) -> None:
    ledger = await open_ledger(own_store, AGES)
    once = Idempotency("once", "asked")
    await live(ledger, one_job(idempotency=once), Verb.CAPTURE, Verb.FINISH)
    await spoil(own_store, key)
    before, later = await dump(own_store), NOW + 200 * DAY

    with pytest.raises(StoreUnavailable):
        await RedisPast(own_store, AGES).sweep_holds(later, horizon(later), MANY)
    assert await dump(own_store) == before


@pytest.mark.parametrize("key", READ_WITH_AN_ACCOUNT)
async def test_a_spoilt_key_leaves_no_half_of_an_account_that_goes(own_store: Store, key: str) -> None:
    ledger, past, later = await open_ledger(own_store, AGES), RedisPast(own_store, AGES), NOW + 200 * DAY
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH)
    assert (await past.sweep_holds(later, horizon(later), MANY)).gone == 1
    await spoil(own_store, key)
    before = await dump(own_store)

    with pytest.raises(StoreUnavailable):
        await past.sweep_accounts(later, horizon(later), MANY)
    assert await dump(own_store) == before


async def test_one_that_cannot_go_keeps_no_other(own_store: Store) -> None:
    ledger, past, later = await open_ledger(own_store, AGES), RedisPast(own_store, AGES), NOW + 200 * DAY
    for n in range(5):
        await live(ledger, one_job(f"h{n}"), Verb.VOID)
    await spoil(own_store, keys.hold("h2"))

    assert await past.sweep_holds(later, horizon(later), MANY) == Swept(found=5, gone=4)
    # Alone it is not passed over in silence.
    with pytest.raises(StoreUnavailable):
        await past.sweep_holds(later, horizon(later), MANY)


async def test_a_full_store_can_be_swept(own_store: Store) -> None:
    ledger, past = await open_ledger(own_store, AGES), RedisPast(own_store, AGES)
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH)
    await own_store.command("CONFIG", "SET", "maxmemory", "1")

    assert await sweep(past, NOW + 200 * DAY) == (1, 1)


async def test_an_answer_that_is_lost_is_asked_for_again(ledger: RedisLedger, store: Store, store_url: str) -> None:
    await live(ledger, one_job(), Verb.CAPTURE, Verb.FINISH)
    later = NOW + 200 * DAY
    async with proxy_to(store_url) as (proxy, url):
        far = connect(url)
        past = RedisPast(far, AGES)
        for sweeping in (past.sweep_holds, past.sweep_accounts):
            done = 0
            for _ in range(10):
                proxy.lose_replies = not proxy.lose_replies
                try:
                    done += (await sweeping(later, horizon(later), MANY)).gone
                except StoreUnavailable:
                    continue
            assert done <= 1
        await far.close()

    left = await snapshot(store)
    assert (left.holds, left.jobs, left.past, set(left.accounts)) == ({}, {}, {}, {EVER.name, RUNNING.name})
    assert await ledger.balances([EVER, RUNNING]) == (Balance(7, 0), Balance(0, 0))


async def test_several_gateways_at_once_remove_each_once(ledger: RedisLedger, store: Store, store_url: str) -> None:
    jobs = [one_job(f"h{n}") for n in range(200)]
    await asyncio.gather(*(live(ledger, job, Verb.CAPTURE, Verb.FINISH) for job in jobs))
    gateways = [connect(store_url) for _ in range(4)]
    later = NOW + 200 * DAY

    swept = await asyncio.gather(*(RedisPast(one, AGES).sweep_holds(later, horizon(later), MANY) for one in gateways))
    assert sum(one.gone for one in swept) == 200
    swept = await asyncio.gather(
        *(RedisPast(one, AGES).sweep_accounts(later, horizon(later), MANY) for one in gateways)
    )
    assert sum(one.gone for one in swept) == 1

    assert (await snapshot(store)).holds == {}
    assert await ledger.balances([MONTH, EVER]) == (Balance(0, 0), Balance(1400, 0))
    for one in gateways:
        await one.close()
