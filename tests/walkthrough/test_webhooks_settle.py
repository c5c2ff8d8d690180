"""Submits that the provider takes and never answers: webhooks settle each, for its own hold, and it is paid once."""

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pytest

from gateway.core.ledger import State
from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, Answer, until
from tests.walkthrough.policies import budget, in_flight, team
from tests.walkthrough.relaying import Client, relaying

CLIENTS = 20
RULES = team(budget("100000.00"), in_flight(100_000))
BRIEF = Faults(pending_seconds=0.2, processing_seconds=0.2)
HANG = {"sandbox": {"hang": True}}


async def settled(submits: int) -> None:
    async with relaying(RULES, faults=BRIEF, upstream_timeout="1s", retries=(0.5, 1, 2, 4, 8)) as client:
        first: dict[str, Answer] = {}
        last: dict[str, Answer] = {}
        numbers = iter(range(submits))

        async def one_after_the_other() -> None:
            for number in numbers:
                prompt = f"Scene {number}"
                first[prompt], last[prompt] = await until_answered(client, prompt, hangs=number % 20 == 7)

        await asyncio.gather(*(one_after_the_other() for _ in range(CLIENTS)))

        async def all_ended() -> bool:
            return await client.house.has(finished=submits)

        await until(all_ended)
        await client.told(submits)
        await each_has_its_own(client, first, last)


async def until_answered(client: Client, prompt: str, *, hangs: bool) -> tuple[Answer, Answer]:
    """A client library's blind retries: the first answer, and the one that was good at last."""
    given = {**SEED, "prompt": prompt, **(HANG if hangs else {})}
    headers = {"Idempotency-Key": prompt.replace(" ", "-")}
    answer = first = await client.submit(headers, input=given)
    while answer.status in (409, 503, 504):
        await asyncio.sleep(0.1)
        answer = await client.submit(headers, input=given)
    return first, answer


async def each_has_its_own(client: Client, first: dict[str, Answer], last: dict[str, Answer]) -> None:
    """The provider makes jobs in the order in which it records submits: so a job is known by its prompt."""
    house = client.house
    jobs, submits = house.sandbox.jobs.in_order, house.sandbox.record.submits
    prompts = [json.loads(one.body)["input"]["prompt"] for one in submits]
    assert Counter(prompts) == Counter(dict.fromkeys(first, 1))
    assert len(jobs) == len(prompts)
    told = Counter(json.loads(body)["jobId"] for _, _, body in client.receiver.requests)
    for prompt, job in zip(prompts, jobs, strict=True):
        record = await house.hold(first[prompt].hold)
        assert (record.state, record.job, record.cost) == (State.FINISHED, job.id, job.cost), prompt
        assert last[prompt].document["jobId"] == job.id
        assert told[job.id] >= 1
    hung = [prompt for prompt, answer in first.items() if answer.status == 504]
    assert len(hung) == len(first) // 20
    assert all(last[prompt].headers["Tollhouse-Idempotent-Replay"] == "true" for prompt in hung)
    assert (await house.accounts())["team:video:budget:usd"] == (house.sandbox.account.spent, 0)
    assert (await house.accounts())["team:video:at-once:in_flight"] == (0, 0)


async def test_five_of_a_hundred_hang() -> None:
    await settled(100)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_hundred_of_two_thousand_hang() -> None:
    await settled(2000)


async def test_a_body_sent_again_without_a_key_gets_the_first_one_s_answer_once() -> None:
    hang = replace(BRIEF, hang=True, pending_seconds=1)
    async with relaying(RULES, faults=hang, upstream_timeout="300ms") as client:
        lost = await client.submit()
        client.house.sandbox.world.faults = BRIEF
        waiting = await client.submit()
        # The relay's address differs in each submit, and makes no other body of it.
        assert (lost.status, waiting.status, waiting.hold) == (504, 409, lost.hold)

        async def ended() -> bool:
            return await client.house.has(finished=1)

        await until(ended)
        found, another = await client.submit(), await client.submit()
        [hung, new] = client.house.sandbox.jobs.in_order
        assert (found.document["jobId"], another.document["jobId"]) == (hung.id, new.id)
        assert found.headers["Tollhouse-Idempotent-Replay"] == "true"
        assert found.document.keys() == {
            "jobId", "requestId", "status", "estimatedCompletionTime", "costMicroCents",
        }  # fmt: skip
        # One to another address is another body.
        assert (await client.submit(webhookUrl=None)).document["jobId"] not in (hung.id, new.id)
