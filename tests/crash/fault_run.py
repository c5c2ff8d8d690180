"""A crowd whose jobs meet every fault that the provider may have, while gateways and the store are killed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from gateway.adapters.redis import keys
from tests.adapters.webhooks.strangers import Stranger, stranger
from tests.rigs.child import until_so
from tests.rigs.crowd import BROKEN, Attempt, ask
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.front import front
from tests.rigs.gateways import ADMIN, GatewayProcess
from tests.rigs.postgres import postgres
from tests.rigs.provider import Conditions
from tests.walkthrough.house import SLUG, Key
from tests.walkthrough.policies import budget, few_prices, quota, team

CLIENTS: Final = 24
AGAIN_S: Final = 0.3

# What the account has agreed on: the price files say so too, or else every job would be cheaper than was held for it.
DISCOUNT_PERCENT: Final = 10
MODELS: Final = (SLUG, "google/veo-3.1-fast/text-to-video", "bytedance-plus/seedream-v4.5/text-to-image")
BASES: Final = ("70_000", "200_000", "40_000")

# A team that never meets its limits, and one that does: it has money for some jobs only, and gets some of it back.
RULES: Final = (
    team(budget("100000.00")),
    team(budget("60.00", "tight"), quota("jobs", 10_000, "jobs-of-a-key", per="key"), slug="audio"),
)
CEILINGS: Final = {"ample": 10**12, "budget": 10**11, "tight": 60_000_000, "jobs-of-a-key": 10_000}

# What a client asks the sandbox for, and how often. One job in seven fails, whatever else becomes of it.
FAULTS: Final = {"failure_rate": 0.15, "pending_seconds": 0.5, "processing_seconds": 1}
FATES: Final[Mapping[str, tuple[int, Mapping[str, object]]]] = {
    "usual": (40, {}),
    "cancelled": (12, {"pending_seconds": 5}),
    "hangs": (4, {"hang": True}),
    "hung up on": (4, {"reset_after": True}),
    "never arrives": (3, {"reset_before": True}),
    "refused": (3, {"status": 400}),
    "taken all the same": (3, {"status": 503, "accepted": True}),
    "cut short": (2, {"truncated": True}),
    "garbled": (2, {"unreadable": True}),
    "nameless": (2, {"no_job_id": True}),
    "cheaper": (6, {"cost_factor": "0.8"}),
    "dearer": (2, {"cost_factor": "1.4"}),
}
# Only the answer says that the provider charged another price. So nothing may die while such an answer is awaited:
# else nobody could know, and what was held is what is posted.
ODD_PRICES: Final = {"cheaper", "dearer"}

UNSENT: Final = {"STORE_UNAVAILABLE", "OVERLOADED", "UPSTREAM_UNREACHABLE", "CONCURRENT_JOBS_EXCEEDED"}
PRICE_CLOSED: Final = "PRICE_UNKNOWN"
IN_DOUBT: Final = "SUBMIT_OUTCOME_UNKNOWN"


def discounted_prices() -> dict[str, str]:
    """The prices that the account pays."""
    prices = few_prices()
    for base in BASES:
        paid = int(base.replace("_", "")) * (100 - DISCOUNT_PERCENT) // 100
        prices = {name: text.replace(f"= {base}\n", f"= {paid}\n") for name, text in prices.items()}
    return prices


@dataclass(frozen=True, slots=True)
class Order:
    """What a client wants: whose it is, of what model, what becomes of it, and whether it wants to be told."""

    number: int
    key: Key
    model: str
    fate: str
    idempotency: str | None
    webhook: str | None

    @property
    def path(self) -> str:
        """Where on the client's server it wants to be told."""
        return f"/orders/{self.number}"


@dataclass(slots=True)
class FaultRun:
    """One run: who submits, who kills, and what is known afterwards. `teams` says whose a key is, by its id."""

    fleet: Fleet
    rng: random.Random
    receiver: Stranger
    teams: dict[str, str]
    keys: Sequence[Key]
    orders: dict[str, Order] = field(default_factory=dict)
    fates: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    cancels: Counter[str] = field(default_factory=Counter)
    over: bool = False
    _calm: asyncio.Condition = field(default_factory=asyncio.Condition)
    _odd: int = 0
    _dying: bool = False

    def draw(self) -> Order:
        number = self.fates.total()
        fate = self.rng.choices(list(FATES), [often for often, _ in FATES.values()])[0]
        self.fates[fate] += 1
        wants = self.rng.random() < 0.3
        return Order(
            number,
            self.rng.choices(self.keys, weights=(6, 1, 1))[0],
            self.rng.choice(MODELS),
            fate,
            f"order-{number}" if number % 3 == 0 else None,
            f"http://127.0.0.1:{self.receiver.port}/orders/{number}" if wants else None,
        )

    async def client(self) -> None:
        """Carry out one order after the other until the run is over."""
        while not self.over:
            order = self.draw()
            if order.fate in ODD_PRICES:
                await self._begin_calm()
            try:
                attempt = await self.submit(order)
            finally:
                if order.fate in ODD_PRICES:
                    await self._end_calm()
            if attempt.accepted and order.fate == "cancelled":
                await self.cancel(order, attempt.job)
            elif attempt.accepted and order.number % 5 == 0:
                await self.look(order, attempt.job)

    async def submit(self, order: Order) -> Attempt:
        """Until it is decided, or nobody knows.

        One that nobody knows of is asked for again if it has an idempotency key, as client libraries do.
        """
        asked_again = 0
        _, faults = FATES[order.fate]
        sandbox = {"latency_ms": self.rng.randint(5, 250), **faults}
        while True:
            attempt = await self.fleet.crowd.submit(
                self.somebody(),
                order.key,
                idempotency=order.idempotency,
                model=order.model,
                webhook=order.webhook,
                prompt=f"Scene {order.number}",
                sandbox=sandbox,
            )
            self.orders[attempt.request] = order
            if attempt.told == PRICE_CLOSED:
                await self.reopen(order.model)
            elif attempt.told not in UNSENT:
                asked_again += 1
                unknown = attempt.told in ("no answer", IN_DOUBT) and order.idempotency is not None
                if not unknown or asked_again > 3:
                    return attempt
            await asyncio.sleep(AGAIN_S)

    async def reopen(self, model: str) -> None:
        """The operator looked at it, and says that jobs may be sold all the same."""
        url = f"{self.somebody().control_url}/admin/v1/closed-prices/reopen"
        headers = {"Authorization": f"Bearer {ADMIN}"}
        # A gateway may die under it; then the next refusal asks again.
        with suppress(*BROKEN):
            async with self.fleet.session.post(url, json={"model": model}, headers=headers) as reply:
                # Another client's operator may have been faster, and the store may be away.
                assert reply.status in (200, 404, 503), await reply.text()

    async def cancel(self, order: Order, job: str) -> None:
        """Ask for it until an answer comes that is none about an outage."""
        while not self.over:
            try:
                status, _ = await ask(
                    self.fleet.session, self.somebody(), order.key, f"/v1/jobs/{job}/cancel", method="POST"
                )
            except BROKEN:
                status = 0
            self.cancels[str(status)] += 1
            if 200 <= status < 500:
                return
            await asyncio.sleep(AGAIN_S)

    async def look(self, order: Order, job: str) -> None:
        """Look at it until it has ended, or a gateway died meanwhile."""
        try:
            while not self.over:
                _, document = await ask(self.fleet.session, self.somebody(), order.key, f"/v1/jobs/{job}")
                if document.get("status") not in ("pending", "processing"):
                    return
                await asyncio.sleep(AGAIN_S)
        except BROKEN:
            return

    def somebody(self) -> GatewayProcess:
        return self.rng.choice([gateway for gateway in self.fleet.gateways if gateway.up])

    async def kill_until(self, jobs: int, deaths: int) -> None:
        """Kill a gateway, the store, or both, until there are so many jobs and so many died."""
        try:
            while await self.fleet.provider.jobs() < jobs or self.deaths.total() < deaths:
                await asyncio.sleep(self.rng.uniform(1, 4))
                await self._begin_dying()
                await self.kill_something()
                await self._end_dying()
        finally:
            self.over = True

    async def kill_something(self) -> None:
        victim = self.rng.choices(("gateway", "store", "both"), weights=(5, 2, 2))[0]
        self.deaths[victim] += 1
        if victim != "gateway":
            self.fleet.store.kill()
            await asyncio.sleep(self.rng.choice((0.0, 0.3, 2.0)))
        gateway = self.somebody()
        if victim != "store":
            gateway.kill()
            await asyncio.sleep(self.rng.uniform(0, 0.3))
        if victim != "gateway":
            await self.fleet.store.start()
        await gateway.start()

    async def _begin_calm(self) -> None:
        async with self._calm:
            await self._calm.wait_for(lambda: not self._dying)
            self._odd += 1

    async def _end_calm(self) -> None:
        async with self._calm:
            self._odd -= 1
            self._calm.notify_all()

    async def _begin_dying(self) -> None:
        async with self._calm:
            self._dying = True
            await self._calm.wait_for(lambda: self._odd == 0)

    async def _end_dying(self) -> None:
        await until_so(self.fleet.all_ready)
        async with self._calm:
            self._dying = False
            self._calm.notify_all()

    async def all_settled(self) -> bool:
        """Whether every hold has ended, without an operator."""
        open_ = [int(await self.fleet.store.ask("ZCARD", name)) for name in keys.OPEN.values()]
        return sum(open_) == 0

    async def all_told(self) -> bool:
        """Whether nothing waits to be told to a client."""
        due = [int(await self.fleet.store.ask("ZCARD", keys.due(slug))) for slug in set(self.teams.values())]
        return sum(due) == 0


@asynccontextmanager
async def open_run(seed: int) -> AsyncIterator[FaultRun]:
    """Three gateways behind one address, one store, one PostgreSQL, a provider with mischief, and a client's server."""
    rng = random.Random(seed)
    async with AsyncExitStack() as stack:
        database = stack.enter_context(postgres())
        receiver = await stack.enter_async_context(stranger())
        gateways: list[GatewayProcess] = []
        fleet = await stack.enter_async_context(
            open_fleet(
                *RULES,
                discounted_prices(),
                conditions=Conditions(str(DISCOUNT_PERCENT), FAULTS, seed),
                database_url=database.url,
                public_url=await stack.enter_async_context(front(gateways, rng)),
                upstream_webhook_secret="whsec_sandbox",  # The rig's provider has the sandbox's usual one.
                webhook_allow_hosts="127.0.0.0/8",
                upstream_exclusive="true",
                upstream_timeout="5s",
                absent_after="5s",
            )
        )
        gateways.extend(fleet.gateways)
        video, audio, more_audio = await fleet.key("video"), await fleet.key("audio"), await fleet.key("audio")
        teams = {video.id: "video", audio.id: "audio", more_audio.id: "audio"}
        yield FaultRun(fleet, rng, receiver, teams, (video, audio, more_audio))


async def go(run: FaultRun, jobs: int, deaths: int) -> None:
    """Let it run, and wait until nothing is left to be settled."""
    async with asyncio.TaskGroup() as crowd:
        for _ in range(CLIENTS):
            crowd.create_task(run.client())
        await run.kill_until(jobs, deaths)
    await until_so(run.fleet.all_ready)
    await until_so(run.all_settled)
    await until_so(run.all_told)
