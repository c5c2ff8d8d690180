"""A past that can be lived again: the same submissions at the same instants, on a real store, under any policies.

Each submission has a fate of its own, drawn before anything is decided, for the case that it is admitted; so what
differs between two lives of one past is what the policies make of it.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Final

from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.refusals import RedisRefusals
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.adapters.system import SystemClock
from gateway.core.ending import Cancelled, Completed, Ending, Failed, Source
from gateway.core.figures import JobEnded, Observation, StoreGauges
from gateway.core.ledger import Hold, Verb
from gateway.core.outcome import Charged, InDoubt
from gateway.core.plan import Rules
from gateway.core.pricing import Quote
from gateway.core.principal import Principal
from gateway.core.refused import Refused
from gateway.core.reply import Rejected, Reply, Unknown, UpstreamResult
from gateway.ports import Clock
from gateway.service.in_flight import InFlight
from gateway.service.lifecycle import Lifecycle
from gateway.service.nearest import Nearest
from gateway.service.outbox import Outbox
from gateway.service.refusals import Refusals
from gateway.service.submit import Asked
from tests.adapters.sql.databases import sqlite
from tests.doubles import MemorySpool, SeededEntropy, StillClock
from tests.service.exporting import exporter
from tests.service.test_submit import submitting
from tests.service.workshop import EPOCH, Told, accepted, workshop

START: Final = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)
MODELS: Final = ("kling/kling-2.6-pro/text-to-video", "bytedance-plus/seedream-v4.5/text-to-image")
TEAMS: Final = ("video", "audio")
_SKEW: Final = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Fate:
    """What the provider does with a job: `result` is "accepted", "rejected" or "unknown".

    `percent` of the quote is what it costs, None what nobody says. `settled` is, of an unknown one, whether it was
    accepted after all; `ends` are delays and ends.
    """

    result: str = "accepted"
    percent: int | None = 100
    settled: bool = True
    settles_in: timedelta = timedelta(seconds=40)
    ends: tuple[tuple[timedelta, Ending], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One submission."""

    at: datetime
    team: str
    key: int
    model: str
    input: str
    fate: Fate


def orders(seed: int, number: int, *, dearer: bool = False) -> list[Order]:
    """Some that come in bursts, over about a day; `dearer` ones cost more than was held now and then."""
    rng, now, drawn = random.Random(seed), START, list[Order]()
    for place in range(number):
        calm = rng.random() < 0.2
        now += timedelta(microseconds=rng.randint(1, 900_000_000 if calm else 9_000_000))
        model = rng.choice(MODELS)
        said = ""
        if model == MODELS[0]:
            said = f',"duration":"{rng.choice(("5", "10"))}","has_sound":{rng.choice(("true", "false"))}'
        text = f'{{"prompt":"{place}"{said}}}'
        drawn.append(Order(now, rng.choice(TEAMS), rng.randrange(2), model, text, _fate(rng, dearer)))
    return drawn


def _fate(rng: random.Random, dearer: bool) -> Fate:
    percent = rng.choice([None, 100, 100, rng.randint(0, 100)])
    if dearer and rng.random() < 0.03:
        percent = rng.randint(101, 200)
    ends: tuple[tuple[timedelta, Ending], ...] = ()
    delay = timedelta(seconds=rng.randint(60, 2000), microseconds=rng.randrange(1_000_000))
    match rng.randrange(12):
        case 0 | 1 | 2 | 3 | 4 | 5:
            ends = ((delay, Completed()),)
        case 6 | 7:
            ends = ((delay, Failed(None)), (2 * delay, Failed(rng.randint(0, 300_000))))
        case 8 | 9:
            ends = ((delay, Cancelled(rng.randint(0, 500_000))),)
        case 10:
            ends = ((delay, Failed(None)), (2 * delay, Completed()))
    result = rng.choices(("accepted", "rejected", "unknown"), (8, 1, 2))[0]
    return Fate(result, percent, rng.random() < 0.5, ends=ends)


class Silent:
    """Implements `ports.Telemetry`: nobody listens."""

    def observe(self, seen: Observation) -> None: ...

    def ended(self, seen: JobEnded) -> None: ...

    def render(self, figures: StoreGauges | None) -> bytes:
        raise AssertionError("nobody scrapes here")


@dataclass(slots=True)
class Lived:
    """What became of each order, in their order: None where it was admitted, else code, scope and limit."""

    came_to: list[tuple[str, str, str] | None] = field(default_factory=list)
    url: str = ""


@dataclass(slots=True)
class Life:
    """One life of a past."""

    submit: Refusals
    ledger: RedisLedger
    lifecycle: Lifecycle
    told: Told
    kept: "Kept"
    clock: Clock
    keys: Mapping[tuple[str, int], Principal]
    rules: Rules
    lived: Lived
    _events: list[tuple[datetime, int, Callable[[], Awaitable[object]]]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=count)

    def asked(self, order: Order) -> Asked:
        body = f'{{"model":"{order.model}","input":{order.input}}}'.encode()
        return Asked(self.keys[order.team, order.key], body, "req_1", None, {})

    async def run(self, past: list[Order]) -> None:
        for place, order in enumerate(past):
            self._at(order.at, partial(self._submit, place, order))
        while self._events:
            at, _, event = heappop(self._events)
            assert isinstance(self.clock, StillClock)
            self.clock.advance(at - self.clock.now())
            await event()

    def _at(self, at: datetime, event: Callable[[], Awaitable[object]]) -> None:
        heappush(self._events, (at, next(self._number), event))

    async def _submit(self, place: int, order: Order) -> None:
        cost = self._cost(order)
        self.told.result = _result(place, order.fate, cost)
        submitted = await self.submit(self.asked(order))
        await self.submit.flush()
        self.lived.came_to.append(self.kept.last)
        self.kept.last = None
        match submitted.submission:
            case Charged():
                self._ends(place, order)
            case InDoubt(holding):
                self._at(order.at + order.fate.settles_in, partial(self._settle, place, order, holding.hold))

    async def _settle(self, place: int, order: Order, hold: Hold) -> None:
        now, cost = self.clock.now(), self._cost(order)
        if not order.fate.settled:
            await self.ledger.move(Verb.VOID, hold, now, facts={"cause": "absent"})
            return
        cost = hold.amount if cost is None else cost
        await self.ledger.move(Verb.CAPTURE, hold, now, job=f"job_{place}", cost=cost, facts={"cost": str(cost)})
        self._ends(place, order)

    def _cost(self, order: Order) -> int | None:
        if order.fate.percent is None:
            return None
        quote = self.rules.prices.quote(order.model, None, json.loads(order.input), order.at)
        assert isinstance(quote, Quote)
        return quote.amount * order.fate.percent // 100

    def _ends(self, place: int, order: Order) -> None:
        for delay, ending in order.fate.ends:
            self._at(self.clock.now() + delay, partial(self.lifecycle.ended, f"job_{place}", ending, Source.POLL))


async def live(store: Store, root: Path, past: list[Order], *files: dict[str, str]) -> Lived:
    """Live it under these policies, and export all of it to an SQLite file in `root`."""
    await store.command("FLUSHALL")
    clock = StillClock(START)
    life = await _life(store, root, clock, *files)
    await life.run(past)
    await _export(store, life.lived.url, clock)
    return life.lived


async def crowd(store: Store, root: Path, number: int, *files: dict[str, str]) -> str:
    """So many submissions at once, under these policies, exported to an SQLite file in `root`: its address."""
    clock = SystemClock()
    life = await _life(store, root, clock, *files)
    life.told.slots, jobs = number, count()

    async def submit(order: Order) -> None:
        await asyncio.sleep(random.random() / 10)
        life.told.result = accepted(f"job_{next(jobs)}")
        await life.submit(life.asked(order))

    await asyncio.gather(*[submit(order) for order in orders(0, number)])
    await life.submit.flush()
    await _export(store, life.lived.url, clock)
    return life.lived.url


async def _life(store: Store, root: Path, clock: Clock, *files: dict[str, str]) -> Life:
    room, ledger = await workshop(store, *files), RedisLedger(store, EPOCH, _SKEW)
    spool, told, kept = MemorySpool(), Told(), Kept(RedisRefusals(store))
    parts = {"ledger": ledger, "outbox": Outbox(ledger, spool, clock), "clock": clock, "spool": spool}
    advice, nearest = InFlight(RedisJobs(store), clock), Nearest(ledger, RedisClosedPrices(store), clock)
    submit = Refusals(submitting(room, told, **parts), advice, nearest, room.desk, kept, SeededEntropy())
    keys = {(team, key): await room.principal(team) for team in TEAMS for key in range(2)}
    lifecycle, lived = Lifecycle(ledger, Silent(), clock), Lived(url=sqlite(root))
    return Life(submit, ledger, lifecycle, told, kept, clock, keys, room.desk.rules, lived)


class Kept:
    """Keeps what is refused, and remembers the last."""

    def __init__(self, sink: RedisRefusals) -> None:
        self._sink = sink
        self.last: tuple[str, str, str] | None = None

    async def add(self, refused: Sequence[Refused]) -> None:
        await self._sink.add(refused)
        self.last = (refused[-1].code, refused[-1].scope or "", refused[-1].limit or "")


def _result(place: int, fate: Fate, cost: int | None) -> UpstreamResult:
    match fate.result:
        case "rejected":
            return Rejected(Reply(400, {}, b'{"error":{"code":"INVALID_INPUT"}}'))
        case "unknown":
            return Unknown("timeout", None)
        case _:
            return accepted(f"job_{place}", cost)


async def _export(store: Store, url: str, clock: Clock) -> None:
    archive = SqlArchive(open_engine(url), "the-ledger")
    await exporter(store, archive, "one", [], clock)()
    await archive.close()


def fates(past: list[Order], others: Mapping[int, Fate]) -> list[Order]:
    """The same submissions, some with another fate."""
    return [replace(order, fate=others.get(place, order.fate)) for place, order in enumerate(past)]
