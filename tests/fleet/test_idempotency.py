"""One idempotency key at several gateways: at most one submit of it ever reaches the provider."""

import asyncio

import pytest

from tests.rigs.crowd import COST, Attempt
from tests.rigs.fleet import Fleet, open_fleet
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, team

pytestmark = pytest.mark.xdist_group("fleet")

KEYS = 25
REPLAY = "Tollhouse-Idempotent-Replay"


async def test_the_same_key_at_every_gateway_at_once_is_one_job() -> None:
    async with open_fleet(team(budget("1000.00"))) as fleet:
        key = await fleet.key()

        rounds = [await asyncio.gather(*(everywhere(fleet, key, f"order-{n}") for n in range(KEYS)))]
        rounds.append(await asyncio.gather(*(everywhere(fleet, key, f"order-{n}") for n in range(KEYS))))

        first, again = rounds
        for attempts in first:
            told = sorted(attempt.told for attempt in attempts)
            assert told.count("accepted") >= 1
            assert set(told) <= {"accepted", "IDEMPOTENCY_IN_PROGRESS"}
        for attempts, repeats in zip(first, again, strict=True):
            jobs = {attempt.job for attempt in (*attempts, *repeats) if attempt.accepted}
            assert len(jobs) == 1
            # Whoever asks later, and wherever, gets the one answer and is told that it is a replay.
            assert [attempt.told for attempt in repeats] == ["accepted"] * 6
            assert {attempt.headers.get(REPLAY) for attempt in repeats} == {"true"}
            fresh = [attempt for attempt in attempts if attempt.accepted and REPLAY not in attempt.headers]
            assert len(fresh) == 1
        diary = await fleet.provider.diary()
        assert (diary.jobs, diary.spent) == (KEYS, KEYS * COST)
        assert len(diary.notes) == KEYS
        books = await fleet.in_order()
        assert dict(books.states) == {"captured": KEYS}
        assert books.total("budget") == (KEYS * COST, 0)


async def everywhere(fleet: Fleet, key: Key, idempotency: str) -> list[Attempt]:
    """Twice at every gateway, all at once."""
    submits = (
        fleet.crowd.submit(gateway, key, idempotency=idempotency, sandbox={"latency_ms": 200})
        for gateway in fleet.gateways * 2
    )
    return await asyncio.gather(*submits)


async def test_a_key_with_another_body_is_refused_everywhere() -> None:
    async with open_fleet(team(budget("1000.00"))) as fleet:
        key = await fleet.key()
        one, *others = fleet.gateways
        assert (await fleet.crowd.submit(one, key, idempotency="order")).accepted
        for gateway in others:
            mixed_up = await fleet.crowd.submit(gateway, key, idempotency="order", duration="10")
            assert mixed_up.told == "IDEMPOTENCY_MISMATCH"
        assert len((await fleet.provider.diary()).notes) == 1


async def test_a_refused_submit_frees_its_key_everywhere() -> None:
    async with open_fleet(team(budget("1000.00"))) as fleet:
        key = await fleet.key()
        one, *others = fleet.gateways
        refused = await fleet.crowd.submit(one, key, idempotency="order", sandbox={"status": 400})
        assert refused.status == 400
        statuses = [(await fleet.crowd.submit(each, key, idempotency="order")).status for each in others]
        assert statuses == [200, 200]
        assert (await fleet.provider.diary()).jobs == 1
