"""The errors that nobody asked for: no slot, no store, no upstream, no answer."""

import asyncio
import time

import pytest

from gateway.sandbox import Faults
from tests.walkthrough.house import SLUG, open_house, until
from tests.walkthrough.outage import outage_of
from tests.walkthrough.outcomes import accepted
from tests.walkthrough.refused import EVERYWHERE, refused, told, untouched
from tests.walkthrough.stranger import reply, says_when, stranger


async def test_no_slot_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.upstream.client.SLOTS", 1)
    told_to = asyncio.Event()
    answers = says_when(told_to, reply(200, accepted("job_1")))
    async with stranger(answers) as upstream, open_house(upstream=upstream.url) as house:
        key = await house.key()
        first = asyncio.create_task(house.submit(key))
        await until(lambda: house.has(held=1))

        began = time.monotonic()
        answer, _ = await asyncio.gather(house.submit(key), house.submit(key))

        # Both waited their second, and neither held anything while it waited.
        assert 0.95 <= time.monotonic() - began < 3.0
        assert told(answer) == (503, "OVERLOADED")
        assert answer.headers["Retry-After"] == "1"
        assert await house.states() == {"held": 1}
        told_to.set()
        assert (await first).status == 200
        assert len(upstream.requests) == 1
        assert (await house.metrics())(
            "tollhouse_submissions_total", team="video", model=SLUG, outcome="overloaded"
        ) == 2


@pytest.mark.parametrize("route", EVERYWHERE)
async def test_a_store_that_is_gone(route: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house() as house:
        key, outage = await house.key(), await outage_of(house, monkeypatch)
        outage.begin()

        began = time.monotonic()
        answer = await refused(house, key, route)

        # Both forms of the answer.
        assert time.monotonic() - began < 4.0
        assert told(answer) == (503, "STORE_UNAVAILABLE")
        assert answer.headers["Retry-After"] == "2"
        assert house.upstream_calls == 0
        assert not await house.ready()

        await outage.end()
        await untouched(house)
        assert (await house.submit(key)).status == 200


async def test_an_upstream_that_is_not_there() -> None:
    async with open_house(upstream="http://127.0.0.1:9") as house:
        key = await house.key()
        answer = await refused(house, key)
        assert told(answer) == (502, "UPSTREAM_UNREACHABLE")
        assert (await house.hold(answer.hold)).state == "voided"


async def test_an_outcome_that_nobody_knows() -> None:
    async with open_house(faults=Faults(reset_after=True)) as house:
        key = await house.key()
        answer = await refused(house, key, same=False)
        assert told(answer) == (504, "SUBMIT_OUTCOME_UNKNOWN")
        assert answer.headers["x-should-retry"] == "false"
        assert answer.details["hold"] == answer.hold
        assert (await house.hold(answer.hold)).state == "in_doubt"
