"""`kill -9` of gateways and of the store, at random, under load: no job is lost, none is free, none is paid twice.

`pytest -s` prints the seed and where the kills fell; `CRASH_SEED=N` draws the same delays, kills and submits again.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.crash.promises import all_answers_posted, judge, nothing_held
from tests.rigs.books import sequence
from tests.rigs.child import until_so
from tests.rigs.crowd import Attempt
from tests.rigs.deaths import Death, Inquest, Phase, fewest, table
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.gateways import GatewayProcess
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, quota, team

pytestmark = pytest.mark.xdist_group("crash")

# The first team never meets its limits, the second soon does, each of its keys a little sooner.
RULES: Final = (
    team(budget("100000.00")),
    team(budget("24.499999", "tight"), quota("jobs", 20, "jobs-of-a-key", per="key"), slug="audio"),
)
CEILINGS: Final = {"ample": 10**12, "budget": 10**11, "tight": 24_499_999, "jobs-of-a-key": 20}

# Each of them once, then at random.
VICTIMS: Final = ("gateway", "store", "both")
PROTOCOL: Final = (Phase.BEFORE_HOLD, Phase.HELD, Phase.SENT, Phase.ANSWERED)
MOST_DEATHS: Final = 100
AGAIN_S: Final = 0.2

# It refuses, it fails and has made the job all the same, it hangs up and has made the job.
FAULTS: Final = ({}, {"status": 400}, {"status": 503, "accepted": True}, {"reset_after": True})

# Whoever is told one of these was told that nothing was sent, and tries again.
UNSENT: Final = {"STORE_UNAVAILABLE", "OVERLOADED", "UPSTREAM_UNREACHABLE"}


@dataclass(slots=True)
class Run:
    """One run: who submits, who kills, and what is known afterwards."""

    fleet: Fleet
    rng: random.Random
    keys: Sequence[Key]
    inquest: Inquest = field(default_factory=Inquest)
    submits: int = 0
    rounds: int = 0
    over: bool = False

    async def client(self) -> None:
        """Submit one job after the other, each until it is decided or nobody knows, until the run is over."""
        while not self.over:
            self.submits += 1
            key = self.rng.choices(self.keys, weights=(6, 1, 1))[0]
            idempotency = f"order-{self.submits}" if self.submits % 3 == 0 else None
            job = {"prompt": f"Scene {self.submits}", "sandbox": self.fate()}
            while True:
                attempt = await self.fleet.crowd.submit(self.somebody(), key, idempotency=idempotency, **job)
                unknown = attempt.told == "no answer" and idempotency is not None
                if attempt.told not in UNSENT and not unknown:
                    break
                await asyncio.sleep(AGAIN_S)

    def fate(self) -> dict[str, object]:
        """How long the provider takes, and what it now and then does instead of answering as it should."""
        fault = self.rng.choices(FAULTS, weights=(17, 1, 1, 1))[0]
        return {"latency_ms": self.rng.randint(50, 600), **fault}

    def somebody(self) -> GatewayProcess:
        return self.rng.choice([gateway for gateway in self.fleet.gateways if gateway.up])

    async def kill_something(self) -> None:
        """Kill a gateway, the store, or first the store and then a gateway; start again what died."""
        await asyncio.sleep(self.rng.uniform(0.2, 1.5))
        drawn = self.rng.choices(VICTIMS, weights=(5, 3, 2))[0]
        self.rounds += 1
        match VICTIMS[self.rounds - 1] if self.rounds <= len(VICTIMS) else drawn:
            case "gateway":
                await self.kill_gateway()
            case "store":
                await self.kill_store()
            case _:
                await self.kill_store(then=self.somebody())

    async def kill_gateway(self) -> None:
        victim = self.somebody()
        wire = self.fleet.wires[victim.name]
        # Nothing passes between the death and the look at what had happened by then.
        wire.open.clear()
        in_flight = self.in_flight(victim)
        at = victim.kill()
        self.inquest.deaths.append(Death(victim.name, at, await sequence(self.fleet.store), in_flight))
        if self.rng.random() < 0.5:
            # Else what it said last still arrives.
            wire.cut()
        wire.open.set()
        await asyncio.sleep(self.rng.uniform(0, 0.3))
        await victim.start()

    async def kill_store(self, then: GatewayProcess | None = None) -> None:
        """Without a store nothing moves, so that one look at it afterwards serves both deaths."""
        deaths = [("store", self.in_flight(*self.fleet.gateways), self.fleet.store.kill())]
        # Now and then longer than anybody waits for the store.
        await asyncio.sleep(self.rng.choice((0.0, 0.3, 2.0)))
        if then is not None:
            deaths.append((then.name, self.in_flight(then), then.kill()))
        for wire in self.fleet.wires.values():
            wire.open.clear()
        await self.fleet.store.start()
        number = await sequence(self.fleet.store)
        self.inquest.deaths += [Death(victim, at, number, in_flight) for victim, in_flight, at in deaths]
        for wire in self.fleet.wires.values():
            wire.open.set()
        if then is not None:
            await then.start()

    def in_flight(self, *gateways: GatewayProcess) -> tuple[Attempt, ...]:
        """What these are busy with. Of an order that is asked for again only the first attempt counts."""
        names = {gateway.name for gateway in gateways}
        orders: set[str] = set()
        found: list[Attempt] = []
        for attempt in self.fleet.crowd.attempts:
            first = attempt.idempotency is None or attempt.idempotency not in orders
            orders |= {attempt.idempotency or ""}
            if first and attempt.ended is None and attempt.gateway in names:
                found.append(attempt)
        return tuple(found)


async def kill_at_random(seed: int, submits: int, deaths: int, in_every_phase: int, clients: int) -> None:
    """Let clients submit until there were so many submits, deaths, and deaths in every phase; then judge."""
    rng = random.Random(seed)
    async with open_fleet(*RULES, delay=lambda piece: delay(rng, piece), upstream_timeout="5s") as fleet:
        keys = [await fleet.key("video"), await fleet.key("audio"), await fleet.key("audio")]
        run = Run(fleet, rng, keys)
        async with asyncio.TaskGroup() as crowd:
            for _ in range(clients):
                crowd.create_task(run.client())
            try:
                while run.submits < submits or len(run.inquest.deaths) < deaths or await rarest(run) < in_every_phase:
                    assert len(run.inquest.deaths) < MOST_DEATHS, "the kills do not fall into every phase"
                    await run.kill_something()
            finally:
                run.over = True
        await until_so(fleet.all_ready)
        await until_so(lambda: all_answers_posted(fleet))
        # What nobody lives to settle is in doubt some seconds after the deadline of its submit.
        await until_so(lambda: nothing_held(fleet))
        books, diary = await fleet.in_order(), await fleet.provider.diary()
        counts = run.inquest.count(books, diary)
        print(f"{run.submits} submits, {len(run.inquest.deaths)} deaths; a death met submits in these phases:")
        print(table(counts), dict(fleet.crowd.told()), dict(books.states), sep="\n")
        judge(fleet.crowd, books, diary, CEILINGS)


# Every step of a submit takes about as long as the others, so that random kills fall into each.
SLOW: Final = (b"EVALSHA", b"created", b"captured")


def delay(rng: random.Random, piece: bytes) -> float:
    return rng.uniform(0.05, 0.35) if any(word in piece for word in SLOW) else 0.0


async def rarest(run: Run) -> int:
    return fewest(run.inquest.count(await run.fleet.books(), await run.fleet.provider.diary()), PROTOCOL)


async def test_some_kills(seed: int) -> None:
    await kill_at_random(seed, submits=60, deaths=6, in_every_phase=0, clients=15)


@pytest.mark.long
async def test_many_kills_in_every_phase(seed: int) -> None:
    await kill_at_random(seed, submits=500, deaths=20, in_every_phase=10, clients=40)
