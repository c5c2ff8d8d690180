"""Talking with the ledger: what it answers to an admission and to a move, and what is then in the store."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.acceptance import Witness
from gateway.core.account import Account, Balance, Demand
from gateway.core.admission import Admission, Closed, Created, Exists, OverLimit, Skewed, Stale
from gateway.core.ending import JobStatus
from gateway.core.history import Memory
from gateway.core.ledger import Hold, Move, Moved, Outcome, State, Verb
from gateway.core.money import MAX_AMOUNT
from gateway.ports import HoldRecord, StoreRefused, StoreUnavailable
from tests.adapters.redis.holds import (
    HALF_A_DAY,
    JOBS,
    KEY,
    MONTH_END,
    ORGANIZATION,
    RUNNING,
    TEAM,
    admission,
    demand,
    open_ledger,
)
from tests.adapters.redis.snapshot import Snapshot, snapshot

NOW = datetime.now(UTC)
PRICE = 700_000


def one_job(hold_id: str = "h1", **fields: Any) -> Admission:
    """A job of $0.70 under five limits with room for it."""
    return admission(
        hold_id,
        demand(ORGANIZATION, PRICE, 50_000_000),
        demand(TEAM, PRICE, 10_000_000),
        demand(KEY, PRICE, 5_000_000),
        demand(JOBS, 1, 100),
        demand(RUNNING, 1, 20),
        created_at=NOW,
        **fields,
    )


async def balances(ledger: RedisLedger, *accounts: Account) -> list[tuple[int, int]]:
    return [(one.posted, one.held) for one in await ledger.balances(accounts)]


async def captured(ledger: RedisLedger, hold_id: str = "h1", cost: int = PRICE) -> Hold:
    asked = one_job(hold_id)
    assert isinstance(await ledger.admit(asked, NOW), Created)
    moved = await ledger.move(Verb.CAPTURE, asked.hold, NOW, job=f"job of {hold_id}", cost=cost)
    assert moved.outcome is Outcome.CAPTURED
    return asked.hold


async def test_a_job_with_room_is_held_on_every_account(ledger: RedisLedger, store: Store) -> None:
    asked = one_job()

    answer = await ledger.admit(asked, NOW)

    money, count = Balance(0, PRICE), Balance(0, 1)
    assert answer == Created((money, money, money, count, count))
    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(0, PRICE), (0, 1), (0, 1)]
    assert await ledger.find("h1") == HoldRecord(asked.hold, State.HELD, None, None)
    (entry,) = await ledger.entries()
    assert (entry.seq, entry.kind, entry.hold, entry.at) == (1, "hold", "h1", NOW)
    assert entry.moves == tuple(Move(charge.account, 0, charge.amount) for charge in asked.hold.charges)
    seen = await snapshot(store)
    assert seen.accounts[TEAM.name]["ends"] == str(round(MONTH_END.timestamp() * 1_000_000))
    assert seen.accounts[RUNNING.name]["ends"] == "0"
    assert seen.indices == {
        keys.OPEN[State.HELD]: {
            "h1": (asked.hold.deadline - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        }
    }


async def test_only_the_attempt_that_made_a_hold_may_send(ledger: RedisLedger) -> None:
    asked = one_job()
    first = await ledger.admit(asked, NOW)

    assert await ledger.admit(asked, NOW) == first
    other = replace(asked, hold=replace(asked.hold, attempt="second"))
    assert await ledger.admit(other, NOW) == Exists("h1", same_body=True)
    changed = replace(asked, hold=replace(asked.hold, attempt="third", digest="another body"))
    assert await ledger.admit(changed, NOW) == Exists("h1", same_body=False)
    assert await balances(ledger, TEAM) == [(0, PRICE)]
    assert len(await ledger.entries()) == 1


async def test_not_even_that_attempt_once_the_hold_has_moved(ledger: RedisLedger) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)
    await ledger.move(Verb.DOUBT, asked.hold, NOW)

    assert await ledger.admit(asked, NOW) == Exists("h1", same_body=True)


@pytest.mark.parametrize("short", range(5))
async def test_one_limit_without_room_refuses_the_whole_job_without_a_trace(
    ledger: RedisLedger, store: Store, short: int
) -> None:
    await captured(ledger, "h0")
    before = await snapshot(store)
    asked = one_job()
    tight = [replace(one, ceiling=2 * one.amount - (at == short)) for at, one in enumerate(asked.demands)]

    answer = await ledger.admit(replace(asked, demands=tuple(tight)), NOW)

    posted, count, running = Balance(PRICE, 0), Balance(1, 0), Balance(0, 1)
    assert answer == OverLimit((posted, posted, posted, count, running))
    assert await snapshot(store) == before


async def test_the_last_micro_usd_may_be_spent(ledger: RedisLedger) -> None:
    await captured(ledger, "h0")

    assert await ledger.admit(admission("h1", demand(TEAM, 1, PRICE + 1)), NOW) == Created((Balance(PRICE, 1),))
    assert await ledger.admit(admission("h2", demand(TEAM, 1, PRICE + 1)), NOW) == OverLimit((Balance(PRICE, 1),))
    assert await ledger.admit(admission("h3", demand(TEAM, 0, PRICE + 1)), NOW) == Created((Balance(PRICE, 1),))


async def test_a_ceiling_of_nothing_refuses_even_what_is_free(ledger: RedisLedger) -> None:
    assert await ledger.admit(admission("h1", demand(TEAM, 0, 0)), NOW) == OverLimit((Balance(0, 0),))


async def test_a_shadow_limit_counts_and_never_refuses(ledger: RedisLedger) -> None:
    shadow = demand(TEAM, PRICE, 0, enforced=False)

    assert await ledger.admit(admission("h1", shadow), NOW) == Created((Balance(0, PRICE),))
    assert await ledger.admit(admission("h2", shadow), NOW) == Created((Balance(0, 2 * PRICE),))


@pytest.mark.parametrize("enforced", [(True, True), (True, False), (False, True)])
async def test_two_limits_on_one_account_must_have_room_together(
    ledger: RedisLedger, enforced: tuple[bool, bool]
) -> None:
    def both(ceiling: int) -> tuple[Demand, ...]:
        return tuple(demand(TEAM, 5, ceiling, enforced=one) for one in enforced)

    assert await ledger.admit(admission("h1", *both(9)), NOW) == OverLimit((Balance(0, 0),) * 2)
    assert await ledger.admit(admission("h2", *both(10)), NOW) == Created((Balance(0, 10),) * 2)


async def test_a_decision_by_old_rules_is_stale(ledger: RedisLedger, store: Store) -> None:
    before = await snapshot(store)

    assert await ledger.admit(one_job(policy="p0"), NOW) == Stale()
    assert await ledger.admit(one_job(key_revision=0), NOW) == Stale()
    assert await ledger.admit(one_job(key="nobody"), NOW) == Stale()
    assert await snapshot(store) == before


@pytest.mark.parametrize("direction", [1, -1])
async def test_a_clock_that_differs_too_much_is_refused(store: Store, direction: int) -> None:
    ledger = await open_ledger(store, max_skew=timedelta(seconds=20))
    early = datetime.now(UTC) + direction * timedelta(seconds=22)
    before = await snapshot(store)

    answer = await ledger.admit(one_job(), early)

    assert isinstance(answer, Skewed)
    assert abs(answer.by_us - direction * 22_000_000) < 2_000_000
    assert await snapshot(store) == before
    late = datetime.now(UTC) + direction * timedelta(seconds=18)
    assert isinstance(await ledger.admit(one_job(), late), Created)


async def test_a_store_that_was_never_initialised_is_closed(store: Store) -> None:
    ledger, asked = RedisLedger(store, "e1"), one_job()

    assert await ledger.admit(asked, NOW) == Closed("uninitialised")
    with pytest.raises(StoreUnavailable, match="uninitialised"):
        await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=1)
    assert await snapshot(store) == Snapshot()


async def test_a_store_of_another_epoch_is_closed(ledger: RedisLedger, store: Store) -> None:
    assert await RedisLedger(store, "e2").admit(one_job(), NOW) == Closed("epoch")


async def test_whoever_remembers_more_than_the_store_freezes_it(ledger: RedisLedger, store: Store) -> None:
    hold = await captured(ledger)
    witness = RedisLedger(store, "e1", HALF_A_DAY)
    witness.memory.seen = 5

    assert await witness.admit(one_job("h2"), NOW) == Closed("frozen")
    assert await ledger.admit(one_job("h2"), NOW) == Closed("frozen")
    frozen = (await snapshot(store)).store
    assert (frozen["epoch"], frozen["lost_from"], frozen["lost_to"]) == ("e1.2", "3", "5")

    # What was admitted still moves, once its gateway has looked at what it writes into.
    with pytest.raises(StoreRefused, match="epoch"):
        await ledger.move(Verb.REFUND, hold, NOW, cost=PRICE)
    ledger.memory.take_up("e1.2", 2)
    assert (await ledger.move(Verb.REFUND, hold, NOW, cost=PRICE)).outcome is Outcome.REFUNDED


async def test_a_move_remembers_too_and_moves_all_the_same_in_a_new_epoch(ledger: RedisLedger, store: Store) -> None:
    hold = await captured(ledger)
    witness = RedisLedger(store, "e1.6", HALF_A_DAY)
    await store.command("HSET", keys.STORE, "epoch", "e1.6")
    witness.memory.seen = 3

    assert (await witness.move(Verb.FINISH, hold, NOW)).outcome is Outcome.FINISHED
    assert (await snapshot(store)).store["epoch"] == "e1.7"
    ((_, fields),) = await store.command("XRANGE", keys.ENTRIES, "3-0", "3-0")
    assert fields[b"epoch"] == b"e1.7"
    assert await witness.admit(one_job("h2"), NOW) == Closed("frozen")


async def test_what_is_remembered_is_what_the_store_acknowledged(ledger: RedisLedger) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)
    assert ledger.memory == Memory("e1", 1, Witness("e1", 1, "h1"), 1)
    await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=PRICE)
    after = Memory("e1", 2, Witness("e1", 2, "h1"), 2)
    assert ledger.memory == after

    # What changes nothing leaves no entry to remember.
    await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=PRICE)
    assert isinstance(await ledger.admit(asked, NOW), Exists)
    assert ledger.memory == after
    other = RedisLedger(ledger._store, "e1", HALF_A_DAY)
    second = one_job("h2")
    await other.admit(second, NOW)
    await ledger.admit(second, NOW)
    assert ledger.memory == after
    assert isinstance(await ledger.admit(admission("h3", demand(TEAM, PRICE, 1)), NOW), OverLimit)
    assert ledger.memory == replace(after, seen=3, highest=3)


async def test_a_capture_posts_the_cost_the_upstream_names(ledger: RedisLedger, store: Store) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)

    moved = await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=600_000, facts={"reason": "discount"})

    cheaper = Balance(600_000, 0)
    assert moved == Moved(Outcome.CAPTURED, State.HELD, (cheaper, cheaper, cheaper, Balance(1, 0), Balance(0, 1)))
    assert await ledger.find("h1") == HoldRecord(asked.hold, State.CAPTURED, "j1", 600_000, status=JobStatus.PENDING)
    (entry,) = await ledger.entries(after=1)
    assert (entry.kind, entry.facts) == ("captured", {"reason": "discount", "job": "j1", "cost": "600000"})
    assert (await snapshot(store)).jobs == {"j1": "h1"}


async def test_a_dearer_job_is_posted_whole_even_above_the_ceiling(ledger: RedisLedger) -> None:
    asked = admission("h1", demand(TEAM, PRICE, PRICE), demand(JOBS, 1, 1))
    await ledger.admit(asked, NOW)

    await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=900_000)

    assert await balances(ledger, TEAM, JOBS) == [(900_000, 0), (1, 0)]
    assert await ledger.admit(admission("h2", demand(TEAM, 0, PRICE)), NOW) == OverLimit((Balance(900_000, 0),))


async def test_a_job_belongs_to_one_hold(ledger: RedisLedger) -> None:
    await captured(ledger, "h1")
    asked = one_job("h2")
    await ledger.admit(asked, NOW)

    moved = await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="job of h1", cost=PRICE)

    assert (moved.outcome, moved.was) == (Outcome.JOB_BOUND, State.HELD)
    assert await balances(ledger, TEAM) == [(PRICE, PRICE)]


@pytest.mark.parametrize("verb", Verb)
async def test_what_happened_happens_once(ledger: RedisLedger, store: Store, verb: Verb) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)
    if verb in {Verb.FINISH, Verb.REFUND, Verb.ADJUST, Verb.LOSE, Verb.REBIND}:
        await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=PRICE)
    if verb is Verb.ADJUST:
        await ledger.move(Verb.REFUND, asked.hold, NOW, cost=PRICE)
    job = {Verb.CAPTURE: "j1", Verb.REBIND: "j2"}.get(verb, "")
    facts = {"was_job": "j1", "cost": str(PRICE)} if verb is Verb.REBIND else {}
    first = await ledger.move(verb, asked.hold, NOW, job=job, cost=PRICE, facts=facts)
    before = await snapshot(store)

    again = await ledger.move(verb, asked.hold, NOW, job=job, cost=PRICE, facts=facts)

    assert (again.outcome, again.balances) == (Outcome.ALREADY, first.balances)
    assert await snapshot(store) == before


async def test_what_is_given_back_beyond_the_charge_moves_no_counts(ledger: RedisLedger) -> None:
    """A correction must then post money again; jobs, and jobs in flight, are not money."""
    asked = admission("h1", demand(TEAM, PRICE, 10 * PRICE), demand(JOBS, 1, 9), demand(RUNNING, 1, 9))
    await ledger.admit(asked, NOW)
    await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=PRICE)
    await ledger.move(Verb.REFUND, asked.hold, NOW, cost=PRICE, facts={"refunded": str(3 * PRICE)})

    moved = await ledger.move(Verb.ADJUST, asked.hold, NOW, facts={"refunded": str(3 * PRICE), "named": "1"})

    assert moved.outcome is Outcome.ADJUSTED
    assert await balances(ledger, JOBS, RUNNING) == [(1, 0), (0, 0)]


async def test_one_hold_pays_for_one_job(ledger: RedisLedger, store: Store) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)
    first = await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=PRICE)
    before = await snapshot(store)

    again = await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j2", cost=PRICE)

    assert (again.outcome, again.balances) == (Outcome.ALREADY, first.balances)
    assert await snapshot(store) == before


async def test_a_void_returns_everything(ledger: RedisLedger) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)
    await ledger.move(Verb.DOUBT, asked.hold, NOW)

    moved = await ledger.move(Verb.VOID, asked.hold, NOW)

    assert moved == Moved(Outcome.VOIDED, State.IN_DOUBT, (Balance(0, 0),) * 5)


async def test_a_void_that_overtakes_its_hold_keeps_it_out(ledger: RedisLedger, store: Store) -> None:
    asked = one_job()

    assert (await ledger.move(Verb.VOID, asked.hold, NOW)).outcome is Outcome.TOMBSTONED
    assert await ledger.admit(asked, NOW) == Exists("h1", same_body=True)
    seen = await snapshot(store)
    assert 86_000_000 < seen.lifetimes_ms[keys.hold("h1")] <= 86_400_000
    assert seen.indices == {}


async def test_a_tombstone_that_a_job_turns_up_for_lasts(ledger: RedisLedger, store: Store) -> None:
    asked = one_job()
    await ledger.move(Verb.VOID, asked.hold, NOW)

    moved = await ledger.move(Verb.CAPTURE, asked.hold, NOW, job="j1", cost=PRICE)

    assert (moved.outcome, moved.was) == (Outcome.OVERAGE, State.VOIDED)
    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(PRICE, 0), (1, 0), (0, 1)]
    assert (await snapshot(store)).lifetimes_ms == {}


async def test_a_hold_that_the_store_lost_is_adopted_for_a_week(ledger: RedisLedger) -> None:
    young, old = one_job("h1").hold, one_job("h2").hold
    week = NOW + timedelta(days=7)

    moved = await ledger.move(Verb.CAPTURE, young, week - timedelta(seconds=1), job="j1", cost=PRICE)
    assert (moved.outcome, moved.was) == (Outcome.ADOPTED, State.NONE)
    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(PRICE, 0), (1, 0), (0, 1)]
    assert await ledger.find("h1") == HoldRecord(young, State.CAPTURED, "j1", PRICE, status=JobStatus.PENDING)

    moved = await ledger.move(Verb.CAPTURE, old, week, job="j2", cost=PRICE)
    assert moved.outcome is Outcome.MISSING
    assert await ledger.find("h2") is None


async def test_a_refund_returns_what_was_posted_and_no_count(ledger: RedisLedger) -> None:
    hold = await captured(ledger, cost=600_000)

    moved = await ledger.move(Verb.REFUND, hold, NOW, cost=600_000)

    nothing = Balance(0, 0)
    assert moved == Moved(Outcome.REFUNDED, State.CAPTURED, (nothing, nothing, nothing, Balance(1, 0), nothing))
    assert await ledger.find("h1") == HoldRecord(hold, State.REFUNDED, "job of h1", 600_000, status=JobStatus.FAILED)


@pytest.mark.parametrize(("named", "left"), [(200_000, 400_000), (900_000, 0), (MAX_AMOUNT, 0)])
async def test_never_more_comes_back_than_was_posted(ledger: RedisLedger, named: int, left: int) -> None:
    hold = await captured(ledger, cost=600_000)

    await ledger.move(Verb.REFUND, hold, NOW, cost=named)

    assert await balances(ledger, TEAM) == [(left, 0)]
    (entry,) = await ledger.entries(after=2)
    assert entry.moves[0] == Move(ORGANIZATION.name, left - 600_000, 0)


async def test_a_refund_of_a_free_job_moves_only_what_was_running(ledger: RedisLedger) -> None:
    hold = await captured(ledger, cost=0)

    await ledger.move(Verb.REFUND, hold, NOW, cost=PRICE)

    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(0, 0), (1, 0), (0, 0)]


async def test_a_lost_job_is_no_longer_in_flight_and_still_paid_for(ledger: RedisLedger, store: Store) -> None:
    hold = await captured(ledger, cost=600_000)

    moved = await ledger.move(Verb.LOSE, hold, NOW, facts={"cause": "not found twice"})

    assert (moved.outcome, moved.was) == (Outcome.LOST, State.CAPTURED)
    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(600_000, 0), (1, 0), (0, 0)]
    assert await store.command("ZCARD", keys.OPEN[State.CAPTURED]) == 0
    assert await store.command("ZCARD", keys.OPEN[State.LOST]) == 1


@pytest.mark.parametrize(
    ("verb", "outcome", "left"),
    [(Verb.FINISH, Outcome.FINISHED_LATE, 600_000), (Verb.REFUND, Outcome.REFUNDED_LATE, 0)],
)
async def test_the_end_of_a_lost_job_still_counts(
    ledger: RedisLedger, store: Store, verb: Verb, outcome: Outcome, left: int
) -> None:
    hold = await captured(ledger, cost=600_000)
    await ledger.move(Verb.LOSE, hold, NOW)

    moved = await ledger.move(verb, hold, NOW, cost=600_000)

    assert (moved.outcome, moved.was) == (outcome, State.LOST)
    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(left, 0), (1, 0), (0, 0)]
    assert await store.command("ZCARD", keys.OPEN[State.LOST]) == 0
    assert await store.command("ZCARD", keys.ENDED) == 1


async def test_a_hold_that_is_rebound_has_the_other_job_at_the_other_cost(ledger: RedisLedger, store: Store) -> None:
    hold = await captured(ledger, cost=600_000)
    facts = {"was_job": "job of h1", "cost": "500000", "matched": "answer"}

    moved = await ledger.move(Verb.REBIND, hold, NOW, job="j2", cost=-100_000, facts=facts)

    assert (moved.outcome, moved.was) == (Outcome.REBOUND, State.CAPTURED)
    assert await balances(ledger, TEAM, JOBS, RUNNING) == [(500_000, 0), (1, 0), (0, 1)]
    found = await ledger.owner("j2")
    assert found is not None
    assert (found.hold.id, found.job, found.cost, found.matched) == ("h1", "j2", 500_000, "answer")
    assert await ledger.owner("job of h1") is None
    # And the job that is nobody's again may be another's.
    other = one_job("h2")
    await ledger.admit(other, NOW)
    assert (await ledger.move(Verb.CAPTURE, other.hold, NOW, job="job of h1", cost=1)).outcome is Outcome.CAPTURED


async def test_a_refund_of_a_finished_job_is_written_down_once_and_moves_nothing(ledger: RedisLedger) -> None:
    hold = await captured(ledger)
    await ledger.move(Verb.FINISH, hold, NOW)

    for _ in range(3):
        moved = await ledger.move(Verb.REFUND, hold, NOW, cost=PRICE, facts={"status": "failed"})
        assert (moved.outcome, moved.was) == (Outcome.ANOMALY, State.FINISHED)

    (entry,) = await ledger.entries(after=3)
    assert (entry.kind, entry.moves, entry.facts) == ("anomaly", (), {"status": "failed"})
    assert await balances(ledger, TEAM, RUNNING) == [(PRICE, 0), (0, 0)]


async def test_a_refund_does_not_revive_an_account_that_was_swept(ledger: RedisLedger, store: Store) -> None:
    hold = await captured(ledger)
    await store.command("DEL", keys.account_of(TEAM))

    assert (await ledger.move(Verb.REFUND, hold, NOW, cost=PRICE)).outcome is Outcome.REFUNDED

    assert TEAM.name not in (await snapshot(store)).accounts
    assert await balances(ledger, ORGANIZATION) == [(0, 0)]
    (entry,) = await ledger.entries(after=2)
    assert Move(TEAM.name, -PRICE, 0) in entry.moves


async def test_a_move_must_name_the_charges_of_the_admission(ledger: RedisLedger, store: Store) -> None:
    asked = one_job()
    await ledger.admit(asked, NOW)
    before = await snapshot(store)

    with pytest.raises(StoreUnavailable, match="charges of hold h1"):
        await ledger.move(Verb.VOID, replace(asked.hold, charges=asked.hold.charges[1:]), NOW)
    assert await snapshot(store) == before


async def test_fifty_at_once_and_a_budget_for_ten(store_url: str, ledger: RedisLedger) -> None:
    gateways = [connect(store_url) for _ in range(5)]
    ledgers = [RedisLedger(one, "e1", HALF_A_DAY) for one in gateways]
    jobs = [admission(f"h{n}", demand(TEAM, PRICE, 10 * PRICE), demand(KEY, PRICE, MAX_AMOUNT)) for n in range(50)]

    answers = await asyncio.gather(*(ledgers[n % 5].admit(job, NOW) for n, job in enumerate(jobs)))

    assert sum(isinstance(answer, Created) for answer in answers) == 10
    assert sum(isinstance(answer, OverLimit) for answer in answers) == 40
    assert await balances(ledger, TEAM, KEY) == [(0, 10 * PRICE)] * 2
    for gateway in gateways:
        await gateway.close()


async def test_the_largest_amounts_are_exact(ledger: RedisLedger) -> None:
    full = admission("h1", demand(TEAM, MAX_AMOUNT, MAX_AMOUNT))

    assert await ledger.admit(full, NOW) == Created((Balance(0, MAX_AMOUNT),))
    assert await ledger.admit(admission("h2", demand(TEAM, 1, MAX_AMOUNT)), NOW) == OverLimit((Balance(0, MAX_AMOUNT),))
    moved = await ledger.move(Verb.CAPTURE, full.hold, NOW, job="j1", cost=MAX_AMOUNT - 1)
    assert moved.balances == (Balance(MAX_AMOUNT - 1, 0),)
    assert await ledger.admit(admission("h3", demand(TEAM, 2, MAX_AMOUNT)), NOW) == OverLimit(moved.balances)
    assert await ledger.admit(admission("h4", demand(TEAM, 1, MAX_AMOUNT)), NOW) == Created(
        (Balance(MAX_AMOUNT - 1, 1),)
    )


async def test_a_shadow_limit_stays_exact_beyond_what_a_ceiling_can_say(ledger: RedisLedger) -> None:
    for n in range(1, 4):
        asked = admission(f"h{n}", demand(TEAM, MAX_AMOUNT, MAX_AMOUNT, enforced=False))
        assert await ledger.admit(asked, NOW) == Created((Balance(0, n * MAX_AMOUNT),))
    tight = admission("h4", demand(TEAM, 1, MAX_AMOUNT))
    assert await ledger.admit(tight, NOW) == OverLimit((Balance(0, 3 * MAX_AMOUNT),))


async def test_more_balances_than_can_be_asked_at_once(ledger: RedisLedger) -> None:
    await ledger.admit(one_job(), NOW)
    found = await ledger.balances([TEAM] * 40_000)
    assert set(found) == {Balance(0, PRICE)}
    assert len(found) == 40_000


async def test_what_is_written_once_for_like_jobs_is_not_taken_for_another_jobs(ledger: RedisLedger) -> None:
    """One tuple of demands, but charges of their own: each hold is admitted on the accounts that it names."""
    asked = one_job("h1")
    await ledger.admit(asked, NOW)
    charges = tuple(replace(charge, account=f"{charge.account}-other") for charge in asked.hold.charges)
    other = replace(asked, hold=replace(asked.hold, id="h2", attempt="another", charges=charges))
    await ledger.admit(other, NOW)
    entries = await ledger.entries()
    assert [move.account for move in entries[1].moves] == [charge.account for charge in charges]


async def test_what_is_left_of_more_than_a_double_holds_is_exact(store: Store) -> None:
    """Both fields of an account move at once; what they were may be more than a script can reckon with."""
    ledger, largest = await open_ledger(store), 2**53 - 1
    dear = admission("h1", demand(TEAM, largest, largest, enforced=False))
    small = admission("h2", demand(TEAM, 2, largest, enforced=False))
    for asked in (dear, small):
        assert isinstance(await ledger.admit(asked, NOW), Created)

    moved = await ledger.move(Verb.CAPTURE, dear.hold, NOW, job="j1", cost=largest)

    assert moved.balances == (Balance(largest, 2),)
    assert await ledger.balances([TEAM]) == (Balance(largest, 2),)
