"""Holds in doubt are bound, released or kept by what the list shows, never by time alone."""

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.ledger import State, Verb
from gateway.core.reply import Reply
from gateway.ports import Unanswered
from tests.service.provider import error
from tests.service.settling import MODEL, PRICE, settling


async def test_a_lone_hold_gets_the_lone_job_at_what_was_held(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1")

    await house.round()

    found = await house.found(hold)
    assert (found.state, found.job, found.cost, found.matched) == (State.CAPTURED, "job_1", PRICE, "list")
    assert await house.owed() == (PRICE, 0, 1)
    (*_, entry) = await house.ledger.entries()
    assert (entry.kind, entry.facts["matched"], entry.facts["job"]) == ("captured", "list", "job_1")


async def test_a_job_that_another_hold_owns_is_nobody_elses(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    await house.captured("h2", 1, "job_2")
    house.listed("job_2")

    await house.round()

    assert await house.state(hold) is State.IN_DOUBT


async def test_interchangeable_holds_are_bound_as_a_group(store: Store) -> None:
    house = await settling(store)
    holds = [await house.doubted(f"h{n}", n) for n in range(3)]
    for n in range(3):
        house.listed(f"job_{n}", n + 1)

    await house.round()

    assert [(one.job, one.matched) for one in [await house.found(hold) for hold in holds]] == [
        ("job_0", "group"),
        ("job_1", "group"),
        ("job_2", "group"),
    ]


async def test_those_whose_webhooks_may_come_wait_for_them(store: Store) -> None:
    house = await settling(store)
    holds = [await house.doubted(f"h{n}", n, relayed=True) for n in range(2)]
    for n in range(2):
        house.listed(f"job_{n}", n + 1, status="completed")
    await house.round()
    assert [await house.state(hold) for hold in holds] == [State.IN_DOUBT] * 2
    # The webhook of one leaves the other one answer.
    await house.ledger.move(Verb.CAPTURE, holds[0], house.clock.now(), job="job_1", cost=PRICE)
    await house.round(1)
    found = await house.found(holds[1])
    assert (found.job, found.matched) == ("job_0", "list")


async def test_those_whose_webhooks_did_not_come_are_bound_all_the_same(store: Store) -> None:
    house = await settling(store)
    holds = [await house.doubted(f"h{n}", n, relayed=True) for n in range(2)]
    for n in range(2):
        house.listed(f"job_{n}", n + 1, status="completed")
    for _ in range(4):
        await house.round(5)
    assert [(await house.found(hold)).matched for hold in holds] == ["group", "group"]


async def test_holds_that_differ_wait_however_long(store: Store) -> None:
    house = await settling(store)
    holds = [await house.doubted("h1"), await house.doubted("h2", 1, team="blue")]
    house.listed("job_1")
    house.listed("job_2", 2)

    for _ in range(8):
        await house.round(30)

    assert [await house.state(hold) for hold in holds] == [State.IN_DOUBT] * 2
    assert await house.owed() == (0, 2 * PRICE, 2)


async def test_while_another_submit_is_under_way_its_job_is_left_to_it(store: Store) -> None:
    """Both look alike; only one was taken so far, and it is the one that has not been answered yet."""
    house = await settling(store)
    hold, running = await house.doubted("h1"), await house.held("h2", 5)
    house.listed("job_2", 6)
    await house.round()
    assert await house.state(hold) is State.IN_DOUBT

    await house.ledger.move(Verb.CAPTURE, running, house.clock.now(), job="job_2", cost=PRICE)
    await house.round(1)
    assert (await house.found(running)).job == "job_2"
    assert await house.state(hold) is State.IN_DOUBT


async def test_two_whole_walks_long_enough_apart_without_a_job_void(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")

    await house.round(10)
    assert await house.state(hold) is State.IN_DOUBT, "ten minutes after the submit, nine and a half after its deadline"
    await house.round(6)
    assert await house.state(hold) is State.IN_DOUBT, "once is not enough"
    await house.round(9)
    assert await house.state(hold) is State.IN_DOUBT, "the second must be as long again after the first"
    await house.round(6)

    found = await house.found(hold)
    assert (found.state, found.cause) == (State.VOIDED, "absent")
    assert await house.owed() == (0, 0, 0)


@pytest.mark.parametrize("failure", [Unanswered("no answer in time"), error(500, "INTERNAL_ERROR"), error(429, "X")])
async def test_a_walk_that_failed_is_no_evidence(store: Store, failure: Reply | Unanswered) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    for n in range(150):
        house.listed(f"other_{n}", 60 + n, "google/veo-3.1-fast/text-to-video")

    for _ in range(10):
        house.provider.answers.extend([None, failure])
        await house.round(10)

    assert await house.state(hold) is State.IN_DOUBT


async def test_a_job_that_shows_up_between_the_walks_keeps_the_hold(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    await house.round(11)
    house.listed("job_1")
    await house.round(11)
    assert (await house.found(hold)).job == "job_1"


async def test_a_candidate_starts_the_waiting_anew(store: Store) -> None:
    """It was only near: too late for the hold to be bound to it, and too near to say that there was none."""
    house = await settling(store)
    hold = await house.doubted("h1")
    await house.round(11)
    house.listed("job_late", 80)
    await house.round(11)
    house.provider.made.clear()
    await house.round(6)
    assert await house.state(hold) is State.IN_DOUBT
    await house.round(11)
    assert await house.state(hold) is State.VOIDED


async def test_after_an_answer_in_documented_words_the_second_walk_may_come_sooner(store: Store) -> None:
    house = await settling(store)
    spoke = await house.doubted("h1", cause="status 503")
    odd = await house.doubted("h2", cause="undocumented 502")

    await house.round(11)
    await house.round(5)

    assert [await house.state(hold) for hold in (spoke, odd)] == [State.VOIDED, State.IN_DOUBT]


async def test_a_job_that_appears_after_all_is_booked(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    for _ in range(3):
        await house.round(11)
    assert await house.state(hold) is State.VOIDED

    house.listed("job_1")
    await house.round(6)

    found = await house.found(hold)
    assert (found.state, found.job, found.cost) == (State.CAPTURED, "job_1", PRICE)
    assert await house.owed() == (PRICE, 0, 1)
    (*_, entry) = await house.ledger.entries()
    assert entry.kind == "overage"


async def test_where_others_use_the_account_the_list_is_no_evidence(store: Store) -> None:
    house = await settling(store, exclusive=False)
    hold = await house.doubted("h1")
    house.listed("job_1")
    for _ in range(5):
        await house.round(11)
    assert await house.state(hold) is State.IN_DOUBT
    assert house.provider.asked == []


async def test_where_clocks_differ_the_list_is_no_evidence(store: Store) -> None:
    """A job of which we know whose it is was listed at a time when its submit was not under way."""
    house = await settling(store)
    await house.captured("h0", 0, "job_0")
    house.listed("job_0", -40)
    hold = await house.doubted("h1", 5)
    house.listed("job_1", 6)

    for _ in range(5):
        await house.round(11)

    assert await house.state(hold) is State.IN_DOUBT


async def test_a_hold_is_looked_for_less_and_less_often(store: Store) -> None:
    house = await settling(store)
    await house.doubted("h1")
    await house.doubted("h2", team="blue")
    house.listed("job_1")
    pages = []
    for _ in range(2):
        before = house.provider.lists()
        for _ in range(120):
            await house.round(0.5)
        pages.append(house.provider.lists() - before)
    assert 10 < pages[0] < 40
    assert pages[1] <= 15


async def test_another_models_jobs_are_nothing_to_it(store: Store) -> None:
    house = await settling(store)
    hold = await house.doubted("h1")
    house.listed("job_1", model="google/veo-3.1-fast/text-to-video")
    for _ in range(3):
        await house.round(11)
    assert (await house.state(hold), MODEL) == (State.VOIDED, hold.model)


async def test_a_job_that_another_hold_owns_keeps_nobody_from_absence(store: Store) -> None:
    house = await settling(store)
    owner, hold = await house.captured("h2", 1, "job_2"), await house.doubted("h1")
    house.listed("job_2")
    for _ in range(3):
        await house.round(11)
    assert [await house.state(one) for one in (owner, hold)] == [State.CAPTURED, State.VOIDED]
