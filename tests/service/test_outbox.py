"""Moves that the store did not acknowledge: asked again, in order, until it does."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from gateway.core.account import Balance
from gateway.core.ledger import Hold, Moved, Outcome, State, Verb
from gateway.ports import Ledger, StoreUnavailable
from gateway.service.outbox import Intent, Outbox
from tests.adapters.redis.holds import ORGANIZATION, admission, demand
from tests.doubles import NOON, MemorySpool, StillClock
from tests.walkthrough.house import until

CAPTURED = Moved(Outcome.CAPTURED, State.HELD, (Balance(700_000, 0),))


def hold(name: str) -> Hold:
    return admission(name, demand(ORGANIZATION, 700_000, 10**9)).hold


@dataclass(slots=True)
class Store:
    """A ledger that is down for so many calls, and keeps those it heard."""

    down_for: int = 0
    answer: Moved = CAPTURED
    heard: list[tuple[Verb, str, str, int, Mapping[str, str], datetime]] = field(default_factory=list)
    calls: int = 0

    async def move(
        self, verb: Verb, hold: Hold, now: datetime, *, job: str, cost: int, facts: Mapping[str, str], reply: Any
    ) -> Moved:
        self.calls += 1
        await asyncio.sleep(0)
        if self.down_for > 0:
            self.down_for -= 1
            raise StoreUnavailable("down")
        self.heard.append((verb, hold.id, job, cost, facts, now))
        return self.answer


def outbox(store: Any) -> Outbox:
    ledger: Ledger = store
    return Outbox(ledger, MemorySpool(), StillClock())


async def test_a_move_is_made_at_once_if_it_can_be() -> None:
    store = Store()
    box = outbox(store)
    moved = await box.move(Intent(Verb.CAPTURE, hold("h1"), "job_1", 700_000, {"a": "b"}))
    assert moved == CAPTURED
    assert store.heard == [(Verb.CAPTURE, "h1", "job_1", 700_000, {"a": "b"}, NOON)]
    assert len(box) == 0


async def test_a_move_that_got_no_answer_waits_and_is_asked_again_whole() -> None:
    store = Store(down_for=1)
    box = outbox(store)
    assert await box.move(Intent(Verb.CAPTURE, hold("h1"), "job_1", 700_000)) is None
    assert (len(box), store.heard) == (1, [])
    await box.flush()
    assert store.heard == [(Verb.CAPTURE, "h1", "job_1", 700_000, {}, NOON)]
    assert len(box) == 0


async def test_a_flush_stops_at_the_first_that_gets_no_answer_and_puts_it_last() -> None:
    """A move that the store never takes must not keep those behind it waiting."""
    store = Store()
    box = outbox(store)
    for name in ("h1", "h2", "h3"):
        box.later(Intent(Verb.VOID, hold(name)))
    store.down_for = 1
    await box.flush()
    assert (len(box), store.calls) == (3, 1)
    await box.flush()
    assert [name for _, name, *_ in store.heard] == ["h2", "h3", "h1"]
    assert len(box) == 0


async def test_in_the_background_it_works_off_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.service.outbox._RETRY_S", 0.001)
    store = Store(down_for=5)
    box = outbox(store)
    running = asyncio.create_task(box.run())

    async def empty() -> bool:
        return len(box) == 0

    for name in ("h1", "h2"):
        box.later(Intent(Verb.VOID, hold(name)))
    await until(empty)
    # It has nothing to do, and wakes up again for the next.
    box.later(Intent(Verb.VOID, hold("h3")))
    await until(empty)
    running.cancel()
    await asyncio.wait([running])
    assert sorted(name for _, name, *_ in store.heard) == ["h1", "h2", "h3"]
    assert store.calls == 8


async def test_what_was_under_way_when_it_was_stopped_still_waits() -> None:
    class Silent:
        async def move(self, *_: Any, **__: Any) -> Moved:
            await asyncio.Event().wait()
            raise AssertionError("never")

    box = outbox(Silent())
    box.later(Intent(Verb.VOID, hold("h1")))
    running = asyncio.create_task(box.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert len(box) == 1


async def test_a_late_capture_of_a_job_that_another_hold_owns_becomes_a_doubt() -> None:
    store = Store(answer=Moved(Outcome.JOB_BOUND, State.HELD, ()))
    box = outbox(store)
    box.later(Intent(Verb.CAPTURE, hold("h1"), "job_1", 700_000))
    await box.flush()
    assert [(verb, name) for verb, name, *_ in store.heard] == [(Verb.CAPTURE, "h1"), (Verb.DOUBT, "h1")]
    assert len(box) == 0
