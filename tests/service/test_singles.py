"""Questions about single jobs are few at a time, and the fewer the longer nothing is learnt."""

import asyncio
from datetime import timedelta

from gateway.core.ending import Completed, JobStatus, Running
from gateway.core.reply import Reply
from gateway.ports import Question, Unanswered
from gateway.service.singles import Singles, Unknown
from tests.doubles import NOON, StillClock
from tests.service.provider import Provider, error
from tests.service.settling import MODEL, halfway

MINUTES = timedelta(minutes=5)


class Crowded(Provider):
    """Counts how many are asked at the same time."""

    async def ask(self, question: Question) -> Reply | Unanswered:
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return await super().ask(question)


def singles(provider: Provider) -> Singles:
    return Singles(provider, StillClock(), halfway, 30.0)


async def test_what_is_told_of_a_job() -> None:
    provider = Provider()
    provider.make("runs", MODEL, NOON)
    provider.make("done", MODEL, NOON, status="completed")
    asked = await singles(provider).ask(dict.fromkeys(("runs", "done", "gone"), MINUTES), NOON)
    assert asked.told == {"runs": Running(JobStatus.PROCESSING), "done": Completed(), "gone": Unknown.UNKNOWN}
    assert asked.calls == 3


async def test_what_cannot_be_read_says_nothing() -> None:
    provider = Provider()
    provider.answers.extend([Unanswered("no answer in time"), error(500, "INTERNAL_ERROR"), Reply(404, {}, b"<html>")])
    asked = await singles(provider).ask(dict.fromkeys(("a", "b", "c"), MINUTES), NOON)
    assert (asked.told, asked.calls) == ({}, 3)


async def test_few_are_asked_at_a_time_and_the_longest_due_first() -> None:
    provider = Crowded()
    asking = singles(provider)
    jobs = dict.fromkeys((f"job_{n:03}" for n in range(100)), MINUTES)
    first = await asking.ask(jobs, NOON)
    assert (first.calls, provider.peak) == (64, 8)
    second = await asking.ask(jobs, NOON + timedelta(seconds=1))
    assert second.calls == 36
    assert set(second.told) | set(first.told) == set(jobs)


async def test_the_wait_doubles_up_to_its_longest() -> None:
    asking, now, waits = singles(Provider()), NOON, []
    for _ in range(9):
        assert (await asking.ask({"a": MINUTES}, now)).calls == 1
        seconds = 0
        while (await asking.ask({"a": MINUTES}, now + timedelta(seconds=seconds + 1))).calls == 0 and seconds < 400:
            seconds += 1
        waits.append(seconds + 1)
        now += timedelta(days=1)
        asking = singles(Provider()) if len(waits) > 8 else asking
    assert waits[0] == 5
    assert max(waits) == 300


async def test_names_that_would_be_paths_are_quoted() -> None:
    provider = Provider()
    await singles(provider).ask({"../admin?x=1": MINUTES}, NOON)
    assert provider.asked == ["/v1/jobs/..%2Fadmin%3Fx%3D1"]
