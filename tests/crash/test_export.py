"""`kill -9` of the exporter at every step, and two of them at once: no row twice, none missing, none trimmed unwritten.

`pytest -s` prints the seed and where the kills fell; `CRASH_SEED=N` draws the same steps again.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.core.refused import encode_refused
from tests.adapters.sql.databases import emptied, sqlite
from tests.rigs.child import until
from tests.rigs.exporter import Lives, exporters
from tests.rigs.postgres import running_postgres
from tests.service.exporting import Exporting, exporting
from tests.service.test_export import in_order, refusal

pytestmark = pytest.mark.xdist_group("crash")

TAIL: Final = 20
LEASE_S: Final = 0.05
MOST_WAIT: Final = 150
# Of one life, from its first look at the store to a second round with nothing left to do.
STEPS: Final = 70
# What a life does that changes anything, with what stands before and behind it.
CHANGES: Final = (
    *("after read", "before sql UPDATE ledger_export", "after sql UPDATE ledger_export"),
    *("before sql INSERT ledger_entries", "after sql INSERT ledger_entries", "before sql INSERT ledger_accounts"),
    *("after sql INSERT ledger_accounts", "before sql COMMIT", "after COMMIT", "before exported", "after exported"),
    *("before sql INSERT refused_submissions", "after sql INSERT refused_submissions", "before refused_exported"),
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.system)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite(tmp_path)
        return
    with running_postgres() as server, emptied(server) as url:
        yield url


@dataclass(slots=True)
class Trade:
    """Jobs that are sold while exporters die, and what was written of them: read before anybody may trim it."""

    it: Exporting
    rng: random.Random
    written: list[tuple[str, int, str, str]] = field(default_factory=list)
    refused: int = 0
    over: bool = False

    async def go_on(self) -> None:
        while not self.over:
            # Exporters that live so briefly keep up with no more, and would never come to what is done last.
            if await self.it.field("seq") - await self.it.field("exported") < MOST_WAIT:
                await self.some()
            await asyncio.sleep(self.rng.uniform(0.005, 0.03))

    async def some(self) -> None:
        await self.it.sell(self.rng.randint(1, TAIL // 2))
        for _ in range(self.rng.randint(0, 2)):
            self.refused += 1
            await self.it.store.command("XADD", keys.REFUSED, "*", "record", encode_refused(refusal(self.refused)))
        for entry in await self.it.ledger.entries(self.written[-1][1] if self.written else 0):
            self.written.append(("e1", entry.seq, entry.kind, entry.hold))

    async def judge(self) -> None:
        """Every entry and every refusal has one row, in order, and the store keeps what it should."""
        for _ in range(100):
            await self.it.export()
            arrived = self.it.reader.rows(
                "SELECT (SELECT count(*) FROM ledger_entries), (SELECT count(*) FROM refused_submissions)"
            )
            if arrived == [(len(self.written), self.refused)] and await self.it.field("exported") == len(self.written):
                break
            await asyncio.sleep(LEASE_S)
        assert [seq for _, seq, _, _ in self.written] == list(range(1, len(self.written) + 1))
        assert self.it.reader.entries() == self.written
        assert self.it.reader.rows("SELECT count(*) FROM ledger_entries") == [(len(self.written),)]
        await in_order(self.it)
        ids = self.it.reader.rows("SELECT id FROM refused_submissions")
        assert Counter(ids) == Counter((f"r{number}",) for number in range(1, self.refused + 1))
        assert await self.it.numbers() == [seq for _, seq, _, _ in self.written][-TAIL - 1 :]


@asynccontextmanager
async def trading(store: Store, root: Path, database: str, seed: int) -> AsyncIterator[tuple[Trade, Lives]]:
    settings = {"store": store.client.connection_pool.connection_kwargs["path"], "database": database}
    settings["store"] = f"unix://{settings['store']}"
    async with (
        exporting(store, root, database, timedelta(seconds=LEASE_S), tail=TAIL) as it,
        exporters(**settings, tail=TAIL, lease_s=LEASE_S, epoch="e1") as lives,
    ):
        yield Trade(it, random.Random(seed)), lives


async def kill_many(store: Store, root: Path, database: str, seed: int, kills: int, each: int) -> None:
    """So many lives, each ended at a step or at a moment; on, until every change was met so often."""
    rng, met = random.Random(seed), Counter[str]()
    async with trading(store, root, database, seed) as (trade, lives):
        selling = asyncio.create_task(trade.go_on())
        try:
            while sum(met.values()) < kills or min(met[step] for step in CHANGES) < each:
                # Else nobody may export yet, and the step is met by one who only waits.
                await asyncio.sleep(LEASE_S)
                if rng.random() < 0.2:
                    met["at any moment" if not await lives.kill_after(rng.uniform(0, 0.1)) else "?"] += 1
                else:
                    met[await lives.kill_at(rng.randint(1, STEPS))] += 1
                assert sum(met.values()) < 10 * kills, met
        finally:
            trade.over = True
            await selling
        print(f"{sum(met.values())} kills, {len(trade.written)} entries, {trade.refused} refusals:")
        print(*(f"{times:5} {step}" for step, times in sorted(met.items())), sep="\n")
        await trade.judge()


async def test_some_kills(store: Store, tmp_path: Path, database: str, seed: int) -> None:
    await kill_many(store, tmp_path, database, seed, kills=20, each=0)


@pytest.mark.long
async def test_many_kills_at_every_step(store: Store, tmp_path: Path, database: str, seed: int) -> None:
    await kill_many(store, tmp_path, database, seed, kills=200, each=2)


def asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def wake_up_late(trade: Trade, lives: Lives, action: str, step: int) -> str:
    """One that falls asleep at a step for longer than its lease. Meanwhile another exports; then it goes on."""
    await asyncio.sleep(LEASE_S)
    await trade.some()
    pid = await lives.begin(action, step)
    at = await lives.end()
    try:
        await until(lambda: asleep(pid))
        await trade.some()
        for _ in range(3):
            await asyncio.sleep(LEASE_S)
            await trade.it.export()
        os.kill(pid, signal.SIGCONT)
        await trade.some()
        await asyncio.sleep(3 * LEASE_S)
    finally:
        os.kill(pid, signal.SIGKILL)
    return at


async def sleep_often(store: Store, root: Path, database: str, seed: int, action: str, steps: Sequence[int]) -> None:
    met = Counter[str]()
    async with trading(store, root, database, seed) as (trade, lives):
        for step in steps:
            met[await wake_up_late(trade, lives, action, step)] += 1
        print(*(f"{times:5} {step}" for step, times in sorted(met.items())), sep="\n")
        await trade.judge()


async def test_one_that_slept_past_its_lease_writes_nothing_twice(
    store: Store, tmp_path: Path, database: str, seed: int
) -> None:
    """At each step of a life but those within a transaction, in which SQLite keeps the others waiting."""
    await sleep_often(store, tmp_path, database, seed, "rest", range(3, 19))


@pytest.mark.system
async def test_one_that_sleeps_within_its_transaction_is_ended_by_the_server(
    store: Store, tmp_path: Path, seed: int
) -> None:
    with running_postgres() as url:
        await sleep_often(store, tmp_path, url, seed, "stop", [28, 30, 32])
