"""Settling on a real store, against a provider in memory, by a clock that tests turn."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.findings import RedisFindings
from gateway.adapters.redis.leases import RedisLeases
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.admission import Created
from gateway.core.ledger import Hold, State, Verb
from gateway.core.pace import Pace
from gateway.core.recall import HoldRecord
from gateway.service.follow import Follow
from gateway.service.lifecycle import Lifecycle
from gateway.service.open_jobs import OpenJobs
from gateway.service.rounds import Interest, Rounds
from gateway.service.settle import Settle
from gateway.service.singles import Singles
from gateway.service.strays import Strays
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand, open_ledger
from tests.doubles import NOON, StillClock
from tests.service.provider import Provider

MODEL = "kling/kling-2.6-pro/text-to-video"
PRICE = 350_000
ABSENT = timedelta(minutes=10)
PATIENCE = timedelta(seconds=30)


def everybody(_hold: Hold) -> bool:
    return True


def halfway() -> float:
    return 0.5


@dataclass
class Settling:
    """One gateway's rounds. `rested` is how long it was to rest after each."""

    store: Store
    ledger: RedisLedger
    name: str = "one"
    exclusive: bool = True
    provider: Provider = field(default_factory=Provider)
    clock: StillClock = field(default_factory=StillClock)
    telemetry: PrometheusTelemetry = field(default_factory=lambda: PrometheusTelemetry("0"))
    rested: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        holds, findings = RedisOpenHolds(self.store, self.ledger), RedisFindings(self.store)
        lifecycle = Lifecycle(self.ledger, self.telemetry, self.clock)
        self.singles = Singles(self.provider, self.clock, halfway, 30.0)
        open_jobs = OpenJobs(holds, self.ledger, self.clock)
        self.follow = Follow(
            open_jobs, self.ledger, lifecycle, self.singles, self.telemetry, self.clock, everybody, PATIENCE
        )
        self.settle = Settle(
            holds, self.ledger, findings, self.telemetry, self.clock, everybody, ABSENT, self.exclusive
        )
        self.strays = Strays("real", self.ledger, findings, self.telemetry, self.clock)
        self.rounds = self.rounds_of(self.follow, self.settle)

    def rounds_of(self, *interests: Interest) -> Rounds:
        return Rounds(
            "real", self.name, self.provider, RedisLeases(self.store), self.clock, halfway, interests, 30.0,
            Pace(), self._rest,
        )  # fmt: skip

    async def _rest(self, seconds: float) -> None:
        self.rested.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))

    async def held(self, name: str, at: float = 0, **more: Any) -> Hold:
        """A hold sent so many seconds after noon, and not answered yet."""
        sent = NOON + timedelta(seconds=at)
        plain = {"created_at": sent, "deadline": sent + PATIENCE, "digest": f"body of {name}", "amount": PRICE}
        asked = admission(name, demand(TEAM, PRICE, 10**12), demand(RUNNING, 1, 10**6), **{**plain, **more})
        assert isinstance(await self.ledger.admit(asked, self.clock.now()), Created)
        return asked.hold

    async def doubted(self, name: str, at: float = 0, cause: str = "no answer in time", **more: Any) -> Hold:
        hold = await self.held(name, at, **more)
        await self.ledger.move(Verb.DOUBT, hold, self.clock.now(), facts={"cause": cause})
        return hold

    async def captured(self, name: str, at: float = 0, job: str | None = None, **more: Any) -> Hold:
        hold = await self.held(name, at, **more)
        job = job or f"job_{name}"
        await self.ledger.move(Verb.CAPTURE, hold, self.clock.now(), job=job, cost=PRICE)
        return hold

    def listed(self, job: str, at: float = 1, model: str = MODEL, **more: Any) -> None:
        """A job that the provider made so many seconds after noon."""
        self.provider.make(job, model, NOON + timedelta(seconds=at), **more)

    async def found(self, hold: Hold) -> HoldRecord:
        record = await self.ledger.find(hold.id)
        assert record is not None
        return record

    async def state(self, hold: Hold) -> State:
        return (await self.found(hold)).state

    async def round(self, minutes: float = 0) -> None:
        """Some minutes pass, then a round."""
        self.clock.advance(timedelta(minutes=minutes))
        await self.rounds()

    async def owed(self) -> tuple[int, int, int]:
        """What is posted and held on the team's money, and in flight."""
        team, running = await self.ledger.balances([TEAM, RUNNING])
        return team.posted, team.held, running.held


async def settling(store: Store, **more: Any) -> Settling:
    """It is noon on the day of the tests, whatever the store's clock says."""
    return Settling(store, await open_ledger(store, timedelta(days=36_500)), **more)
