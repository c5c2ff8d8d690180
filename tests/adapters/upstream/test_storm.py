"""Many submits at once to a provider that does everything wrong: each is sent at most once and gets its own answer."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable

import pytest

from gateway.adapters.system import SystemClock
from gateway.core.reply import Accepted, NotSent, Unknown, UpstreamResult
from tests.adapters.upstream.lines import Line, provider, submit, upstream
from tests.walkthrough.outcomes import accepted
from tests.walkthrough.stranger import reply

SUBMITS = 1500
AT_ONCE = 24


def whole(job: str) -> bytes:
    return reply(200, accepted(job))


def in_chunks(job: str) -> bytes:
    body = accepted(job)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def after_a_while(job: str) -> bytes:
    return b"HTTP/1.1 100 Continue\r\n\r\n" + whole(job)


def for_the_last_time(job: str) -> bytes:
    return reply(200, accepted(job), "Connection: close")


SAYS: tuple[Callable[[str], bytes], ...] = (whole, whole, whole, in_chunks, after_a_while, for_the_last_time)


class Storm:
    """The provider. `seen` counts every submit that was read whole, by the name in it."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.seen: Counter[str] = Counter()

    async def __call__(self, line: Line) -> None:
        chance = self._chance
        while True:
            if chance.random() < 0.03:
                return line.reset()
            if chance.random() < 0.03:
                # Takes some of it and goes.
                await line.read(len(line.received) + chance.randint(1, 200))
                return line.close()
            name = json.loads((await line.request()).partition(b"\r\n\r\n")[2])["name"]
            self.seen[name] += 1
            said = chance.choice(SAYS)(f"job_{name}")
            if chance.random() < 0.05:
                line.say(said[: chance.randrange(len(said) // 2)])
                return chance.choice([line.close, line.reset])()
            step = chance.choice([7, 60, 10_000])
            *pieces, last = [said[at : at + step] for at in range(0, len(said), step)]
            for piece in pieces:
                line.say(piece)
                await asyncio.sleep(0)
            # Nobody could tell what comes later from an answer to the next request, which may be on its way by then.
            line.say(last + (whole("job_unasked") if chance.random() < 0.1 else b""))
            if chance.random() < 0.1:
                # Just when the next request comes, or comes not.
                await asyncio.sleep(chance.random() / 100)
                return chance.choice([line.close, line.reset])()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_each_submit_is_sent_at_most_once_and_gets_its_own_answer(seed: int) -> None:
    storm, results = Storm(seed), dict[str, UpstreamResult]()
    names = iter([f"{seed}-{number}" for number in range(SUBMITS)])
    patience = random.Random(seed)

    async with provider(storm) as there, upstream(there.url) as met:

        async def submits() -> None:
            for name in names:
                seconds = patience.choice([0.0, 0.002, 60.0, 60.0, 60.0, 60.0])
                ends = SystemClock().monotonic() + seconds
                results[name] = await submit(met, ends, json.dumps({"name": name}).encode())

        await asyncio.gather(*(submits() for _ in range(AT_ONCE)))
        read = b"".join(bytes(line.received) for line in there.lines)

    assert max(storm.seen.values()) == 1
    for name, result in results.items():
        match result:
            case Accepted(job_id):
                assert (job_id, storm.seen[name]) == (f"job_{name}", 1)
            case NotSent():
                assert f'"{name}"'.encode() not in read
            case Unknown(_, answer):
                assert answer is None
            case _:
                raise AssertionError(result)
    # All of it has happened.
    kinds = Counter(type(result) for result in results.values())
    assert len(results) == SUBMITS
    assert kinds.keys() == {Accepted, NotSent, Unknown}
    assert kinds[Accepted] > SUBMITS / 2
