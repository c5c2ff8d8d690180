"""A submit that is sent again: one job with an idempotency key, one job while the first is in doubt, else two."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.system import SystemClock
from gateway.core.ledger import Verb
from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, SLUG, Answer, House, Key, open_house
from tests.walkthrough.policies import allow, budget, organization, team

ONCE = {"Idempotency-Key": "order-4711"}
LOST = {"status": 502, "error_body": "html"}
REPLAY = "Tollhouse-Idempotent-Replay"


async def move(house: House, verb: Verb, hold_id: str, *, job: str = "", cost: int = 0) -> None:
    """What the settler or an operator does with a hold."""
    record = await house.hold(hold_id)
    epoch = (await house.store.command("HGET", keys.STORE, "epoch")).decode()
    await RedisLedger(house.store, epoch).move(verb, record.hold, SystemClock().now(), job=job, cost=cost)


async def in_doubt(house: House, key: Key, headers: dict[str, str] | None = None, **given: object) -> Answer:
    """A submit whose answer nobody can read; what follows it meets a sound upstream."""
    house.sandbox.world.faults = Faults(status=502, error_body="html")
    answer = await house.submit(key, headers=headers, **given)
    house.sandbox.world.faults = Faults()
    assert answer.status == 502, answer
    return answer


async def test_the_same_key_and_body_get_the_first_answer_and_cost_nothing_more() -> None:
    async with open_house(team(budget("5.00"))) as house:
        key, colleague = await house.key(), await house.key()
        first = await house.submit(key, **SEED, headers=ONCE)
        quoted = await house.submit(key, **SEED, headers={"Idempotency-Key": '"order-4711"'})
        other = await house.submit(colleague, **dict(reversed(SEED.items())), headers=ONCE)

        assert first.status == 200
        assert REPLAY not in first.headers
        for again in (quoted, other):
            assert (again.status, again.body) == (200, first.body)
            assert again.headers[REPLAY] == "true"
            assert again.headers["Content-Type"] == first.headers["Content-Type"]
            assert again.headers["Tollhouse-Cost-Usd"] == first.headers["Tollhouse-Cost-Usd"] == "0.700000"
            assert again.hold == first.hold
        assert house.upstream_calls == 1
        assert (await house.accounts())["team:video:budget:usd"] == (700_000, 0)
        metrics = await house.metrics()
        assert metrics("tollhouse_submissions_total", team="video", model=SLUG, outcome="replayed") == 2
        assert metrics("tollhouse_cost_usd_total", team="video", model=SLUG) == 0.7


async def test_a_replay_is_owed_whatever_changed_since() -> None:
    """No budget left, another price, a model no longer allowed: the job was made, and this is its answer."""
    async with open_house(team(budget("0.70"))) as house:
        key = await house.key()
        first = await house.submit(key, **SEED, headers=ONCE)
        assert (await house.submit(key, **SEED)).code == "BUDGET_EXCEEDED"
        assert (await house.submit(key, **SEED, headers=ONCE)).body == first.body
        await house.apply(team(budget("0.70"), allow(models=["google/*"])))
        assert (await house.submit(key, **SEED)).code == "MODEL_ACCESS_DENIED"
        assert (await house.submit(key, **SEED, headers=ONCE)).body == first.body
        assert (await house.submit(key, **{**SEED, "prompt": "a cat"}, headers=ONCE)).code == "IDEMPOTENCY_MISMATCH"


async def test_another_body_under_the_same_key_is_a_mistake_and_another_team_has_keys_of_its_own() -> None:
    async with open_house(team(budget("5.00")), team(budget("5.00"), slug="audio")) as house:
        key, stranger = await house.key("video"), await house.key("audio")
        assert (await house.submit(key, headers=ONCE)).status == 200
        mismatch = await house.submit(key, **SEED, headers=ONCE)
        assert (mismatch.status, mismatch.code) == (422, "IDEMPOTENCY_MISMATCH")
        assert mismatch.headers["x-should-retry"] == "false"
        foreign = await house.submit(stranger, headers=ONCE)
        assert foreign.status == 200
        assert REPLAY not in foreign.headers
        assert (await house.submit(key, headers={"Idempotency-Key": "order-4712"})).status == 200
        assert house.upstream_calls == 3


async def test_fifty_at_once_with_one_key_are_one_job() -> None:
    async with open_house(team(budget("5.00")), faults=Faults(latency_ms=200)) as house:
        key = await house.key()
        answers = await asyncio.gather(*(house.submit(key, headers=ONCE) for _ in range(50)))
        statuses = Counter(answer.status for answer in answers)
        assert house.upstream_calls == 1
        assert set(statuses) <= {200, 409}
        waiting = [answer for answer in answers if answer.status == 409]
        assert {(a.code, a.headers["Retry-After"]) for a in waiting} == {("IDEMPOTENCY_IN_PROGRESS", "1")}
        assert len({answer.body for answer in answers if answer.status == 200}) == 1
        assert (await house.submit(key, headers=ONCE)).headers[REPLAY] == "true"


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 429}])
async def test_what_the_upstream_refused_frees_the_key(fault: dict[str, object]) -> None:
    async with open_house(team(budget("0.70"))) as house:
        key = await house.key()
        house.sandbox.world.faults = Faults(**fault)
        assert (await house.submit(key, headers=ONCE)).status == fault["status"]
        house.sandbox.world.faults = Faults()
        again = await house.submit(key, **SEED, headers=ONCE)
        assert again.status == 200
        assert REPLAY not in again.headers


async def test_what_a_limit_refused_frees_the_key() -> None:
    async with open_house(team(budget("0.10"))) as house:
        key = await house.key()
        assert (await house.submit(key, headers=ONCE)).status == 402
        await house.apply(team(budget("5.00")))
        assert (await house.submit(key, headers=ONCE)).status == 200


async def test_a_key_whose_submit_is_in_doubt_waits_and_then_gets_its_answer_rebuilt() -> None:
    async with open_house(team(budget("5.00"))) as house:
        key = await house.key()
        lost = await in_doubt(house, key, ONCE)
        for _ in range(2):
            again = await house.submit(key, headers=ONCE)
            assert (again.status, again.code) == (409, "IDEMPOTENCY_IN_PROGRESS")
            assert again.headers["Retry-After"] == "30"
            assert again.hold == lost.hold
            assert again.details["hold"] == lost.hold
        # A different key always means a new job, even of the same body.
        assert (await house.submit(key, headers={"Idempotency-Key": "another"})).status == 200

        await move(house, Verb.CAPTURE, lost.hold, job="job_found", cost=350_000)
        replayed = await house.submit(key, headers=ONCE)
        assert replayed.headers[REPLAY] == "true"
        assert replayed.document["jobId"] == "job_found"
        assert replayed.document["costMicroCents"] == 350_000


async def test_a_key_whose_submit_came_to_nothing_is_free_again() -> None:
    async with open_house(team(budget("5.00"))) as house:
        key = await house.key()
        lost = await in_doubt(house, key, ONCE)
        await move(house, Verb.VOID, lost.hold)
        again = await house.submit(key, headers=ONCE)
        assert (again.status, REPLAY in again.headers) == (200, False)


async def test_an_answer_is_owed_for_a_day_and_until_the_job_ends() -> None:
    async with open_house(team(budget("5.00"))) as house:
        key = await house.key()
        first = await house.submit(key, headers=ONCE)
        name = await bound_key(house)
        # While it runs, for as long as that takes.
        assert await house.store.command("PTTL", name) == -1
        await move(house, Verb.FINISH, first.hold)
        left = await house.store.command("PTTL", name)
        assert 0.99 < timedelta(milliseconds=left) / timedelta(days=1) <= 1
        assert (await house.submit(key, headers=ONCE)).headers[REPLAY] == "true"


async def bound_key(house: House) -> bytes:
    [name] = [name async for name in house.store.client.scan_iter(match="{toll}:idempotency:*")]
    return bytes(name)


async def test_equal_bodies_are_two_jobs_unless_the_first_is_in_doubt() -> None:
    async with open_house(organization(budget("100.00")), team(budget("50.00"))) as house:
        key, colleague = await house.key(), await house.key()
        assert [(await house.submit(key)).status for _ in range(2)] == [200, 200]
        lost = await in_doubt(house, key)

        twin = await house.submit(key)
        assert twin.status == 409
        assert (twin.code, twin.headers["Retry-After"]) == ("IDEMPOTENCY_IN_PROGRESS", "30")
        assert twin.hold == lost.hold
        others = [
            await house.submit(key, prompt="another body"),
            await house.submit(colleague),
            await house.submit(key, headers=ONCE),
        ]
        assert [other.status for other in others] == [200] * 3

        await move(house, Verb.CAPTURE, lost.hold, job="job_found", cost=350_000)
        answers = [await house.submit(key) for _ in range(2)]
        assert [answer.headers.get(REPLAY) for answer in answers] == ["true", None]
        assert answers[0].document["jobId"] == "job_found"
        assert answers[1].document["jobId"] != "job_found"


async def test_every_one_of_several_in_doubt_is_waited_for_and_answered_once() -> None:
    async with open_house(team(budget("50.00"))) as house:
        key = await house.key()
        house.sandbox.world.faults = Faults(status=502, error_body="html", latency_ms=200)
        lost = await asyncio.gather(*(house.submit(key) for _ in range(3)))
        house.sandbox.world.faults = Faults()
        for place, one in enumerate(lost[:2]):
            await move(house, Verb.CAPTURE, one.hold, job=f"job_{place}", cost=350_000)
        found = [await house.submit(key) for _ in range(3)]
        assert {answer.document["jobId"] for answer in found[:2]} == {"job_0", "job_1"}
        assert found[2].code == "IDEMPOTENCY_IN_PROGRESS"
        await move(house, Verb.VOID, lost[2].hold)
        assert (await house.submit(key)).headers.get(REPLAY) is None
