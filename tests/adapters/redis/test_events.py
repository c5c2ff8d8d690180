"""Events in a real store: put once, taken by one at a time, kept until they are sent and a while longer."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.core.delivery import KEPT, KEPT_ATTEMPTS, LEASE, Attempt, Delivery, DeliveryState, Event, Next, after
from gateway.ports import StoreRefused

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def event(name: str = "1", team: str = "video", at: datetime = NOW) -> Event:
    return Event(f"evt_{name}", f"hold_{name}", f"job_{name}", team, at, "https://a.example/?b=%22", b'{"a": "\xff"}\n')


async def opened(store: Store) -> RedisEvents:
    await initialise(store, Identity("e1", "acme"))
    return RedisEvents(store)


async def one(events: RedisEvents, name: str = "evt_1") -> Delivery:
    found = await events.find(name)
    assert found is not None
    return found


async def test_an_event_comes_back_as_it_was_put(store: Store) -> None:
    events = await opened(store)
    assert await events.put(event())
    assert await one(events) == Delivery(event(), DeliveryState.PENDING, 0, NOW)
    assert await events.find("evt_2") is None
    assert await events.teams() == ("video",)


async def test_whoever_puts_it_again_changes_nothing(store: Store) -> None:
    events = await opened(store)
    await events.put(event())
    [taken] = await events.take("video", NOW, 10)
    sent = Attempt(NOW, "status 200", delivered=True)
    for _ in range(2):
        before = await one(events)
        assert not await events.put(event(at=NOW + SECOND))
        assert await one(events) == before
        await events.note(taken, sent, after(taken.tries, sent))


async def test_a_store_that_nobody_began_keeps_none(store: Store) -> None:
    with pytest.raises(StoreRefused):
        await RedisEvents(store).put(event())
    assert await store.client.keys("*") == []


async def test_what_is_due_is_taken_by_one_until_its_lease_is_over(store: Store) -> None:
    events = await opened(store)
    for number in range(3):
        await events.put(event(str(number), at=NOW + number * SECOND))
    assert await events.take("video", NOW - SECOND, 10) == ()
    assert [one.event.id for one in await events.take("video", NOW + SECOND, 1)] == ["evt_0"]
    assert [one.event.id for one in await events.take("video", NOW + SECOND, 10)] == ["evt_1"]
    assert await events.take("video", NOW + SECOND, 10) == ()
    later = NOW + SECOND + LEASE
    assert [one.event.id for one in await events.take("video", later, 10)] == ["evt_2", "evt_0", "evt_1"]


async def test_a_team_takes_its_own_and_leaves_when_nothing_is_left(store: Store) -> None:
    events = await opened(store)
    await events.put(event("1", "audio"))
    await events.put(event("2", "video"))
    assert await events.teams() == ("audio", "video")
    [taken] = await events.take("audio", NOW, 10)
    assert taken.event.team == "audio"
    await events.note(taken, Attempt(NOW, "status 200", delivered=True), Next(DeliveryState.SENT, None))
    assert await events.take("audio", NOW, 10) == ()
    assert await events.teams() == ("video",)
    assert len(await events.take("video", NOW, 10)) == 1


async def test_what_failed_is_due_again_and_what_was_sent_stays_three_days(store: Store) -> None:
    events = await opened(store)
    await events.put(event())
    at = NOW
    for tries in range(6):
        [taken] = await events.take("video", at, 10)
        assert taken.tries == tries
        assert await store.command("PTTL", keys.event("evt_1")) == -1
        attempt = Attempt(at, "status 500")
        assert await events.note(taken, attempt, after(tries, attempt))
        at += timedelta(seconds=300)
    ended = await one(events)
    assert (ended.state, ended.due, ended.tries, len(ended.attempts)) == (DeliveryState.FAILED, None, 6, 6)
    assert [attempt.at for attempt in ended.attempts] == sorted((one.at for one in ended.attempts), reverse=True)
    left = timedelta(milliseconds=await store.command("PTTL", keys.event("evt_1")))
    assert KEPT - 60 * SECOND < left <= KEPT
    assert await events.take("video", at + KEPT, 10) == ()


async def test_an_event_that_vanished_while_it_was_due_is_forgotten(store: Store) -> None:
    events = await opened(store)
    await events.put(event())
    await store.command("DEL", keys.event("evt_1"))
    assert await events.take("video", NOW, 10) == ()
    assert await store.command("ZCARD", keys.due("video")) == 0
    assert not await events.renew(Delivery(event(), DeliveryState.SENT, 1, None), NOW)


async def test_an_operator_has_it_sent_anew(store: Store) -> None:
    events = await opened(store)
    await events.put(event())
    [taken] = await events.take("video", NOW, 10)
    await events.note(taken, Attempt(NOW, "status 200", delivered=True), Next(DeliveryState.SENT, None))
    assert await events.take("video", NOW, 10) == ()
    later = NOW + timedelta(days=1)
    assert await events.renew(await one(events), later)
    assert await store.command("PTTL", keys.event("evt_1")) == -1
    [again] = await events.take("video", later, 10)
    assert (again.state, again.tries, len(again.attempts)) == (DeliveryState.PENDING, 0, 1)


async def test_they_are_listed_the_newest_first(store: Store) -> None:
    events = await opened(store)
    for number in range(250):
        await events.put(event(str(number), "audio" if number % 2 else "video", NOW + number * SECOND))
    [taken] = await events.take("video", NOW, 1)
    await events.note(taken, Attempt(NOW, "status 200", delivered=True), Next(DeliveryState.SENT, None))

    async def listed(limit: int, team: str | None = None, state: DeliveryState | None = None) -> list[str]:
        return [one.event.id for one in await events.newest(limit, team, state)]

    assert await listed(3) == ["evt_249", "evt_248", "evt_247"]
    assert await listed(2, "video") == ["evt_248", "evt_246"]
    assert await listed(5, state=DeliveryState.SENT) == ["evt_0"]
    assert await listed(5, "audio", DeliveryState.SENT) == []
    assert len(await listed(1000)) == 250


async def test_what_can_not_be_there_any_more_is_not_listed_for_ever(store: Store) -> None:
    events = await opened(store)
    await events.put(event("1"))
    await events.put(event("2", at=NOW + 2 * KEPT))
    assert await store.command("ZRANGE", keys.EVENTS, 0, -1) == [b"evt_2"]


async def test_what_came_of_an_attempt_counts_once_in_whatever_order_it_is_told(store: Store) -> None:
    events = await opened(store)
    await events.put(event())
    late = Delivery(event(), DeliveryState.PENDING, 0, NOW)
    failed, sent = Attempt(NOW, "status 500"), Attempt(NOW, "status 200", delivered=True)
    assert await events.note(late, failed, after(0, failed))
    # Another gateway that had it too: it failed as well, or it arrived.
    assert not await events.note(late, failed, after(0, failed))
    assert (await one(events)).tries == 1
    assert await events.note(late, sent, after(0, sent))
    assert not await events.note(late, failed, after(0, failed))
    ended = await one(events)
    assert (ended.state, len(ended.attempts)) == (DeliveryState.SENT, 4)
    for _ in range(30):
        await events.note(late, failed, after(0, failed))
    assert len((await one(events)).attempts) == KEPT_ATTEMPTS
