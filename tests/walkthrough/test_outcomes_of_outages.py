"""The store dies, or hangs, at every moment of a submit: before the hold nothing is sent, after it nothing is lost."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.admission import Admission, AdmissionReply
from gateway.ports import StoreUnavailable
from gateway.sandbox import Faults
from tests.walkthrough.house import SLUG, Answer, House, open_house, until
from tests.walkthrough.outage import outage_of
from tests.walkthrough.outcomes import RULES, accepted, envelope, passed_on, story
from tests.walkthrough.stranger import Stranger, reply, says_when, stranger

Admit = Callable[[RedisLedger, Admission, Any], Awaitable[AdmissionReply]]


def unavailable(answer: Answer) -> bool:
    return (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "STORE_UNAVAILABLE", "2")


async def test_it_dies_just_before_the_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(RULES) as house:
        told, outage = await story(house), await outage_of(house, monkeypatch)
        admit: Admit = RedisLedger.admit

        async def dies_first(ledger: RedisLedger, admission: Admission, now: Any) -> AdmissionReply:
            outage.begin()
            return await admit(ledger, admission, now)

        with monkeypatch.context() as once:
            once.setattr(RedisLedger, "admit", dies_first)
            began = time.monotonic()
            assert unavailable(await told.submit())
            assert time.monotonic() - began < 2.0
        assert house.upstream_calls == 0

        # What it may have held is given back as soon as it can say so.
        await outage.end()
        await until(lambda: house.has(voided=1))
        assert await house.accounts() == {}
        told.ends["voided"] += 1
        await told.ends_as("captured", await told.submit())


async def test_the_answer_to_a_hold_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(RULES) as house:
        told, outage = await story(house), await outage_of(house, monkeypatch)
        admit: Admit = RedisLedger.admit

        async def says_nothing(ledger: RedisLedger, admission: Admission, now: Any) -> AdmissionReply:
            await admit(ledger, admission, now)
            outage.begin()
            raise StoreUnavailable("the reply was lost")

        with monkeypatch.context() as once:
            once.setattr(RedisLedger, "admit", says_nothing)
            assert unavailable(await told.submit())
        assert house.upstream_calls == 0

        # It was held, and nobody was allowed to send: it is released.
        await outage.end()
        await until(lambda: house.has(voided=1))
        told.ends["voided"] += 1
        await told.stands()
        assert [entry.kind for entry in await house.entries()] == ["hold", "voided"]
        assert (await house.entries())[-1].facts["cause"] == "never_sent"
        assert house.upstream_calls == 0


ENDS: dict[str, bytes] = {
    "captured": reply(200, accepted("job_1")),
    "voided": reply(429, envelope("CONCURRENT_JOBS_EXCEEDED")),
    "in_doubt": reply(503, envelope("INTERNAL_ERROR")),
}


@pytest.mark.parametrize("state", ENDS)
async def test_it_dies_between_hold_and_outcome(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gets its answer, and the store hears of it when it is back."""
    told_to = asyncio.Event()
    answers = says_when(told_to, ENDS[state])
    async with stranger(answers) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told, outage = await story(house), await outage_of(house, monkeypatch)
        under_way = asyncio.create_task(told.submit())
        await until(lambda: arrived(upstream))
        outage.begin()
        told_to.set()

        answer = await under_way

        status, _, body = ENDS[state].partition(b" ")[2].partition(b" ")
        assert passed_on(answer, int(status), body.partition(b"\r\n\r\n")[2])
        if state != "voided":
            assert answer.headers["Tollhouse-Cost-Usd"] == "0.700000"
            assert answer.headers["Tollhouse-Headroom-Usd"] == "999.300000"
        assert unavailable(await told.submit())
        assert len(upstream.requests) == 1

        await outage.end()
        await until(lambda: house.has(**{state: 1}))
        await told.ends_as(state, answer)
        assert (await house.hold(answer.hold)).job == ("job_1" if state == "captured" else None)
        assert len(upstream.requests) == 1


async def arrived(upstream: Stranger) -> bool:
    return len(upstream.requests) == 1


async def test_it_hangs_for_a_while_and_hears_everything_twice() -> None:
    """What was asked while it hung is done when it goes on, and asked again: it is posted once."""
    told_to = asyncio.Event()
    answers = says_when(told_to, ENDS["captured"])
    async with stranger(answers) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told, pid = await story(house), await house.store_pid()
        under_way = asyncio.create_task(told.submit())
        await until(lambda: arrived(upstream))
        os.kill(pid, signal.SIGSTOP)
        try:
            told_to.set()
            answer = await under_way
            began = time.monotonic()
            refused = await told.submit()
            waited = time.monotonic() - began
        finally:
            os.kill(pid, signal.SIGCONT)

        assert answer.status == 200
        assert unavailable(refused)
        assert waited < 2.5
        await until(lambda: house.has(captured=1))
        await told.ends_as("captured", answer)
        await until(house.ready)
        assert [entry.kind for entry in await house.entries()] == ["hold", "captured"]
        assert len(upstream.requests) == 1
        metrics = await house.metrics()
        assert metrics("tollhouse_submissions_total", team="video", model=SLUG, outcome="accepted") == 1
        assert metrics("tollhouse_store_errors_total", operation="move") is not None


async def test_it_dies_under_a_crowd_and_not_a_cent_is_lost_or_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(RULES, faults=Faults(latency_ms=300)) as house:
        told, outage = await story(house), await outage_of(house, monkeypatch)
        crowd = [asyncio.create_task(told.submit()) for _ in range(40)]
        await until(lambda: some_in_hand(house, 10))

        outage.begin()
        answers = await asyncio.gather(*crowd)
        await outage.end()

        accepted = sum(answer.status == 200 for answer in answers)
        assert accepted >= 10
        assert all(answer.status == 200 or unavailable(answer) for answer in answers)
        await until(lambda: all_settled(house))
        assert (await house.accounts())["team:video:budget:usd"] == (accepted * 700_000, 0)
        assert house.sandbox.account.spent == accepted * 700_000
        assert house.upstream_calls == accepted


async def some_in_hand(house: House, count: int) -> bool:
    return house.sandbox.record.in_flight >= count


async def all_settled(house: House) -> bool:
    return "held" not in await house.states()
