"""Events on their way to clients, from a real store to a receiver of the test's own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.core.delivery import LEASE, Delivery, DeliveryState, Event
from gateway.core.team_secret import SecretVersion
from gateway.core.webhook_signature import verified
from gateway.ports import StoreUnavailable
from gateway.service import deliver
from gateway.service.deliver import Deliver
from gateway.service.team_secrets import SecretLost, TeamSecret
from tests.doubles import NOON, StillClock
from tests.walkthrough.house import until

Answer = Callable[[], Awaitable[int | str]]


class Receiver:
    """Implements `deliver.Postman`: answers so, the last for ever, and keeps what it was sent."""

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers) or [200]
        self.posts: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.at_once = self.most_at_once = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | str:
        self.posts.append((url, body, headers))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
        finally:
            self.at_once -= 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Told:
    """Implements `deliver.Secrets`: a team's secret is named after it, unless its pepper is gone."""

    def __init__(self) -> None:
        self.lost: set[str] = set()

    async def of(self, team: str) -> TeamSecret | SecretLost:
        if team in self.lost:
            return SecretLost(team)
        return TeamSecret(team, SecretVersion(1, 1, NOON), f"secret of {team}")


class Office:
    """What delivers, and what a test sees of it."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self.events = RedisEvents(store)
        self.receiver = receiver
        self.secrets = Told()
        self.clock = StillClock()
        self.counted: Counter[tuple[str, DeliveryState]] = Counter()
        self.deliver = Deliver(self.events, receiver, self.secrets, self.clock, self._count)

    def _count(self, team: str, state: DeliveryState) -> None:
        self.counted[team, state] += 1

    async def put(self, name: str = "1", team: str = "video") -> None:
        event = Event(f"evt_{name}", f"hold_{name}", f"job_{name}", team, self.clock.now(), "https://a.example/", b"{}")
        assert await self.events.put(event)

    async def find(self, name: str = "evt_1") -> Delivery:
        found = await self.events.find(name)
        assert found is not None
        return found

    async def has(self, state: DeliveryState, name: str = "evt_1") -> None:
        async def so() -> bool:
            return (await self.find(name)).state is state

        await until(so)


@asynccontextmanager
async def office(store: Store, *answers: int | str) -> AsyncIterator[Office]:
    await initialise(store, Identity("e1", "acme"))
    opened = Office(store, Receiver(*answers))
    async with running(opened.deliver):
        yield opened


@asynccontextmanager
async def running(delivering: Deliver) -> AsyncIterator[asyncio.Task[None]]:
    """It runs until the context ends, or the test kills it."""
    task = asyncio.ensure_future(delivering())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "_PAUSE_S", 0.005)


async def test_what_is_sent_is_signed_by_the_team_s_secret_and_names_its_event(store: Store) -> None:
    async with office(store, 204) as opened:
        await opened.put()
        await opened.has(DeliveryState.SENT)
    [(url, body, headers)] = opened.receiver.posts
    assert (url, body, headers["Tollhouse-Event-Id"]) == ("https://a.example/", b"{}", "evt_1")
    assert headers["Content-Type"] == "application/json"
    stamp, signature = headers["X-PixelByte-Timestamp"], headers["X-PixelByte-Signature"]
    assert verified(body, stamp, signature, "secret of video", opened.clock.now())
    assert not verified(body, stamp, signature, "secret of audio", opened.clock.now())
    assert opened.counted == {("video", DeliveryState.SENT): 1}


async def test_it_is_sent_again_as_documented_with_one_id_and_then_given_up(store: Store) -> None:
    async with office(store, 500, "no connection", 302, 404, 199, 500) as opened:
        await opened.put()
        for number, wait in enumerate((1, 4, 16, 64, 256, None), start=1):

            async def tried(number: int = number) -> bool:
                return (await opened.find()).tries == number

            await until(tried)
            assert len(opened.receiver.posts) == number
            if wait is None:
                break
            opened.clock.advance(timedelta(seconds=wait) - timedelta(milliseconds=1))
            await asyncio.sleep(0.03)
            assert len(opened.receiver.posts) == number
            opened.clock.advance(timedelta(milliseconds=1))
        ended = await opened.find()
        opened.clock.advance(timedelta(days=1))
        await asyncio.sleep(0.03)
    assert ended.state is DeliveryState.FAILED
    assert [attempt.result for attempt in reversed(ended.attempts)] == [
        "status 500", "no connection", "status 302", "status 404", "status 199", "status 500",
    ]  # fmt: skip
    assert {headers["Tollhouse-Event-Id"] for _, _, headers in opened.receiver.posts} == {"evt_1"}
    # Each time anew, because receivers refuse what was signed long ago.
    assert len({headers["X-PixelByte-Timestamp"] for _, _, headers in opened.receiver.posts}) == 6
    assert opened.counted == {("video", DeliveryState.PENDING): 5, ("video", DeliveryState.FAILED): 1}
    assert len(opened.receiver.posts) == 6


async def test_a_team_s_slow_receiver_keeps_no_other_waiting(store: Store) -> None:
    async with office(store) as opened:
        opened.receiver.open.clear()
        for number in range(40):
            await opened.put(f"slow{number}", "audio")
        await until(lambda: _so(opened.receiver.at_once == 16))
        await opened.put("quick")
        await until(lambda: _so(opened.receiver.at_once == 17))
        await asyncio.sleep(0.03)
        assert (opened.receiver.at_once, opened.deliver.running["audio"]) == (17, 16)
        opened.receiver.open.set()
        for number in range(40):
            await opened.has(DeliveryState.SENT, f"evt_slow{number}")
    assert opened.receiver.most_at_once == 17
    assert len(opened.receiver.posts) == 41


async def _so(truth: bool) -> bool:
    return truth


async def test_what_a_gateway_took_that_died_is_sent_by_another(store: Store) -> None:
    async with office(store) as opened:
        opened.receiver.open.clear()
        await opened.put()
        await until(lambda: _so(opened.receiver.at_once == 1))
    assert (await opened.find()).state is DeliveryState.PENDING
    opened.receiver.open.set()
    other = Deliver(opened.events, opened.receiver, opened.secrets, opened.clock, opened._count)
    async with running(other):
        await asyncio.sleep(0.03)
        assert len(opened.receiver.posts) == 1
        opened.clock.advance(LEASE)
        await opened.has(DeliveryState.SENT)
    assert len(opened.receiver.posts) == 2


async def test_a_secret_that_is_lost_signs_nothing(store: Store) -> None:
    async with office(store) as opened:
        opened.secrets.lost.add("video")
        await opened.put()
        await until(lambda: _so(opened.counted.total() == 1))
        assert (await opened.find()).attempts[0].result == "secret lost with its pepper; rotate it"
        assert opened.receiver.posts == []
        opened.secrets.lost.clear()
        opened.clock.advance(timedelta(seconds=1))
        await opened.has(DeliveryState.SENT)


async def test_a_store_that_does_not_answer_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(store) as opened:
        take, note, failures = opened.events.take, opened.events.note, iter([1, 2])

        async def unsure(*given: Any) -> bool:
            if next(failures, None):
                raise StoreUnavailable("no answer")
            return await note(*given)

        async def gone(*_given: object) -> tuple[Delivery, ...]:
            monkeypatch.setattr(opened.events, "take", take)
            raise StoreUnavailable("no answer")

        monkeypatch.setattr(opened.events, "note", unsure)
        monkeypatch.setattr(opened.events, "take", gone)
        await opened.put()
        for posts in (1, 2):
            await until(lambda posts=posts: _so(len(opened.receiver.posts) == posts))
            await asyncio.sleep(0.03)
            opened.clock.advance(LEASE)
        await opened.has(DeliveryState.SENT)
    assert len(opened.receiver.posts) == 3
    assert opened.deliver.running.total() == 0
