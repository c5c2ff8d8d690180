"""Holds that are asked about in one call: each comes to what it would have come to alone, in the order of asking."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.redis import keys
from gateway.adapters.redis.batches import MOST, Batches, Kind
from gateway.adapters.redis.calls import admission_call
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.replies import read_admissions
from gateway.core.account import AccountScope, Balance, RateDemand
from gateway.core.admission import Admission, AdmissionReply, Created, Exists, OverLimit, OverRate
from gateway.core.history import Memory
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Entry, Moved, Outcome, Verb
from gateway.ports import StoreUnavailable
from tests.adapters.redis.holds import HALF_A_DAY, JOBS, RUNNING, TEAM, admission, demand, open_ledger
from tests.adapters.redis.mirror import script_of
from tests.adapters.redis.snapshot import Snapshot, snapshot
from tests.store import running_store

NOW = datetime.now(UTC)
PRICE = 700_000
RATE = RateDemand("submits", AccountScope.KEY, "k1", 60_000_000, 5)


@pytest.fixture(scope="module")
def own_url() -> Iterator[str]:
    """A store that may be spoilt."""
    with running_store() as url:
        yield url


@pytest.fixture
async def own_store(own_url: str) -> AsyncIterator[Store]:
    connection = connect(own_url)
    await connection.client.flushall()
    yield connection
    await connection.close()


def job(n: object, ceiling: int = 100 * PRICE, **others: Any) -> Admission:
    limits = demand(TEAM, PRICE, ceiling), demand(JOBS, 1, 1_000), demand(RUNNING, 1, 0, enforced=False)
    return admission(f"h{n}", *limits, created_at=NOW, **others)


async def admit_all(ledger: RedisLedger, jobs: Sequence[Admission]) -> list[AdmissionReply | BaseException]:
    """In one tick."""
    return await asyncio.gather(*(ledger.admit(one, NOW) for one in jobs), return_exceptions=True)


async def capture_all(ledger: RedisLedger, jobs: Sequence[Admission], cost: int = PRICE) -> list[Moved]:
    captures = (
        ledger.move(Verb.CAPTURE, one.hold, NOW, job=f"job of {one.hold.id}", cost=cost, facts={"n": str(n)})
        for n, one in enumerate(jobs)
    )
    return await asyncio.gather(*captures)


async def test_what_is_alike_is_one_call_and_what_is_not_is_none_with_it(store_url: str, ledger: RedisLedger) -> None:
    seen: list[str] = []
    watched = connect(store_url, lambda operation, _seconds, _failed: seen.append(operation))
    other = RedisLedger(watched, "e1", HALF_A_DAY)
    jobs = [job(n) for n in range(MOST + 1)]

    await admit_all(other, [*jobs, job("dear", ceiling=99 * PRICE)])
    assert seen == ["hold"] * 3
    seen.clear()
    await capture_all(other, jobs[:MOST])
    await asyncio.gather(
        other.move(Verb.FINISH, jobs[0].hold, NOW),
        other.move(Verb.REFUND, jobs[1].hold, NOW, cost=PRICE),
        other.move(Verb.FINISH, jobs[2].hold, NOW),
    )
    assert seen == ["move"] * 3
    await watched.close()


async def test_ten_of_fifty_have_room_and_each_is_told_the_balance_that_it_brought_about(ledger: RedisLedger) -> None:
    answers = await admit_all(ledger, [job(n, ceiling=10 * PRICE) for n in range(50)])

    assert answers[:10] == [Created((Balance(0, n * PRICE), Balance(0, n), Balance(0, n))) for n in range(1, 11)]
    assert answers[10:] == [OverLimit((Balance(0, 10 * PRICE), Balance(0, 10), Balance(0, 10)))] * 40
    assert await ledger.balances((TEAM,)) == (Balance(0, 10 * PRICE),)
    assert [entry.seq for entry in await ledger.entries()] == list(range(1, 11))


async def test_a_rate_lets_its_burst_through_one_call_and_no_more(ledger: RedisLedger) -> None:
    answers = await admit_all(ledger, [job(n, rates=(RATE,)) for n in range(8)])

    assert [isinstance(answer, Created) for answer in answers] == [True] * 5 + [False] * 3
    assert answers[5:] == [OverRate(RATE, 60_000_000)] * 3


async def test_each_capture_is_told_the_balance_that_it_brought_about(ledger: RedisLedger) -> None:
    jobs = [job(n) for n in range(4)]
    await admit_all(ledger, jobs)

    moved = await capture_all(ledger, [*jobs, jobs[0]])

    posted = [tuple((one.posted, one.held) for one in each.balances) for each in moved]
    assert posted[:4] == [((n * PRICE, (4 - n) * PRICE), (n, 4 - n), (0, 4)) for n in range(1, 5)]
    assert moved[4].outcome is Outcome.ALREADY
    assert posted[4] == posted[3]


async def test_one_key_and_one_job_have_one_owner_within_a_call(ledger: RedisLedger) -> None:
    once = Idempotency("of-the-client", "its-body")
    first, second = job(1, idempotency=once), job(2, idempotency=replace(once, body="another"))
    jobs = [job(3), job(4)]

    answers = await admit_all(ledger, [first, second, *jobs])
    assert isinstance(answers[0], Created)
    assert answers[1] == Exists("h1", same_body=False)
    captures = (ledger.move(Verb.CAPTURE, one.hold, NOW, job="one and the same", cost=1) for one in jobs)
    assert [one.outcome for one in await asyncio.gather(*captures)] == [Outcome.CAPTURED, Outcome.JOB_BOUND]


async def test_what_is_asked_about_one_hold_happens_in_that_order(ledger: RedisLedger) -> None:
    asked = job(1)
    await ledger.admit(asked, NOW)
    capture = {"job": "j1", "cost": PRICE}

    moved = await asyncio.gather(
        ledger.move(Verb.CAPTURE, asked.hold, NOW, **capture),
        ledger.move(Verb.FINISH, asked.hold, NOW),
        ledger.move(Verb.CAPTURE, asked.hold, NOW, **capture),
    )
    assert [one.outcome for one in moved] == [Outcome.CAPTURED, Outcome.FINISHED, Outcome.ALREADY]


@pytest.mark.parametrize("spoilt", ["hold", "twins"])
async def test_one_that_fails_fails_alone(own_store: Store, spoilt: str) -> None:
    ledger = await open_ledger(own_store)
    jobs = [job(n) for n in range(3)]
    await own_store.command("SET", keys.hold("h1") if spoilt == "hold" else keys.memory(jobs[1].hold), "spoilt")

    answers = await admit_all(ledger, jobs)

    assert [type(answer) for answer in answers] == [Created, StoreUnavailable, Created]
    assert (await ledger.balances((TEAM, JOBS)))[0] == Balance(0, 2 * PRICE)
    assert [entry.hold for entry in await ledger.entries()] == ["h0", "h2"]
    assert [one.outcome for one in await capture_all(ledger, [jobs[0], jobs[2]])] == [Outcome.CAPTURED] * 2


async def test_a_wrong_job_key_keeps_only_its_own_capture_back(own_store: Store) -> None:
    ledger = await open_ledger(own_store)
    jobs = [job(n) for n in range(3)]
    await admit_all(ledger, jobs)
    await own_store.command("LPUSH", keys.job("job of h1"), "spoilt")

    captures = (ledger.move(Verb.CAPTURE, one.hold, NOW, job=f"job of {one.hold.id}", cost=PRICE) for one in jobs)
    answers = await asyncio.gather(*captures, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Moved, StoreUnavailable, Moved]
    assert (await ledger.balances((TEAM, JOBS))) == (Balance(2 * PRICE, PRICE), Balance(2, 1))
    assert [entry.seq for entry in await ledger.entries()] == [1, 2, 3, 4, 5]


async def test_a_forgotten_script_and_callers_that_leave_disturb_nobody(ledger: RedisLedger, store: Store) -> None:
    await store.command("SCRIPT FLUSH")
    tasks = [asyncio.ensure_future(ledger.admit(job(n), NOW)) for n in range(6)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [
        asyncio.CancelledError, Created, Created, asyncio.CancelledError, Created, Created,
    ]  # fmt: skip
    assert (await ledger.balances((TEAM,))) == (Balance(0, 6 * PRICE),)


async def test_amounts_whose_sums_would_not_be_exact_go_alone(store_url: str, ledger: RedisLedger) -> None:
    seen: list[str] = []
    watched = connect(store_url, lambda operation, _seconds, _failed: seen.append(operation))
    other = RedisLedger(watched, "e1", HALF_A_DAY)
    huge = [admission(f"h{n}", demand(TEAM, 2**53 - 1, 0, enforced=False), created_at=NOW) for n in range(3)]

    await admit_all(other, huge)

    assert seen == ["hold"] * 3
    assert await ledger.balances((TEAM,)) == (Balance(0, 3 * (2**53 - 1)),)
    await watched.close()


async def test_a_reply_that_cannot_be_read_answers_nobody_and_is_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The hold may stand, and the move be made: whoever asked must go on as if nothing had been said."""
    batches, asked = Batches(store), job(1)
    terms, own = admission_call(asked, NOW, 0)
    odd = script_of("odd", b"#!lua\nreturn {{'1', '2'}, {'created', 'no number'}}\n")

    answer = batches.ask(Kind(odd, read_admissions), Memory("e1"), terms, own)

    with pytest.raises(StoreUnavailable, match="cannot be read: TypeError"):
        await answer
    [record] = caplog.records
    assert "read_admissions" in record.getMessage()
    assert "no number" not in record.getMessage()


# What may be asked in one tick: of so many holds some share a body or a key, and what follows may name one job twice.
_CEILINGS = st.sampled_from((3, 6, 100))
_SUBMITS = st.lists(
    st.tuples(_CEILINGS, st.sampled_from((None, "a", "b")), st.booleans(), st.integers(0, 2)), min_size=1, max_size=20
)
# A rebinding names the job that it takes away, and is asked for alone.
_ASKED = [verb for verb in Verb if verb is not Verb.REBIND]
_VERBS = st.lists(st.tuples(st.sampled_from(_ASKED), st.integers(0, 2 * PRICE), st.integers(0, 3)), max_size=4)


def job_of(n: int, modulus: int) -> str:
    """One for each hold, or one for several of them."""
    return f"job {n % modulus if modulus else n}"


def submits(drawn: Sequence[tuple[int, str | None, bool, int]]) -> list[Admission]:
    return [
        job(
            n,
            ceiling=ceiling * PRICE,
            rates=(RATE,) if limited else (),
            digest=f"body {body}",
            idempotency=Idempotency(once, f"body {body}") if once else None,
        )
        for n, (ceiling, once, limited, body) in enumerate(drawn)
    ]


async def life(url: str, jobs: Sequence[Admission], verbs: Sequence[tuple[Verb, int, int]], *, together: bool) -> Any:
    """All holds by turns with each verb: every answer, every entry, and everything in the store at the end."""
    store = connect(url)
    try:
        await store.client.flushall()
        ledger = await open_ledger(store)
        answers: list[Any] = []

        async def ask(calls: Sequence[Any]) -> None:
            answers.append(await asyncio.gather(*calls) if together else [await call for call in calls])

        # Like ones side by side: there is no order between calls that are not alike.
        by_terms = sorted(jobs, key=lambda one: (one.demands[0].ceiling, len(one.rates)))
        for ceiling in sorted({one.demands[0].ceiling for one in jobs}):
            for limited in (0, 1):
                group = [one for one in by_terms if (one.demands[0].ceiling, len(one.rates)) == (ceiling, limited)]
                await ask([ledger.admit(one, NOW) for one in group])
        for verb, cost, modulus in verbs:
            await ask(
                [
                    ledger.move(verb, one.hold, NOW, job=job_of(n, modulus), cost=cost, facts={"was_job": "job 0"})
                    for n, one in enumerate(by_terms)
                ]
            )
        entries: tuple[Entry, ...] = await ledger.entries()
        seen: Snapshot = await snapshot(store)
        return answers, entries, seen
    finally:
        await store.close()


@settings(max_examples=150)
@given(drawn=_SUBMITS, verbs=_VERBS)
def test_together_they_come_to_what_they_come_to_one_after_another(
    own_url: str, drawn: list[tuple[int, str | None, bool, int]], verbs: list[tuple[Verb, int, int]]
) -> None:
    jobs = submits(drawn)
    one_by_one = asyncio.run(life(own_url, jobs, verbs, together=False))
    at_once = asyncio.run(life(own_url, jobs, verbs, together=True))
    assert at_once == one_by_one
