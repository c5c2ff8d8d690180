"""The store loses part of its past, or all of it: nothing is sold until what was accepted since stands in it again.

However much was lost, the budget is spent once: the provider's bill never passes it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.crash.promises import all_answers_posted, judge
from tests.rigs.books import Books
from tests.rigs.child import until_so
from tests.rigs.crowd import COST, Attempt
from tests.rigs.fleet import Fleet, open_fleet
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, team

pytestmark = pytest.mark.xdist_group("crash")

JOBS: Final = 60
CEILINGS: Final = {"ample": 10**12, "budget": JOBS * COST}


@dataclass(slots=True)
class House:
    """A fleet with a budget for 60 jobs, the key that spends it, and how many entries are left of the store's past."""

    fleet: Fleet
    key: Key
    kept: int = 0
    under_way: list[asyncio.Task[Attempt]] = field(default_factory=list)

    async def sell(self, jobs: int) -> None:
        """So many jobs, at one gateway after the other."""
        for number in range(jobs):
            gateway = self.fleet.gateways[number % len(self.fleet.gateways)]
            assert (await self.fleet.crowd.submit(gateway, self.key)).accepted

    async def send(self) -> None:
        """Two jobs at every gateway that are with the provider now, and are answered later."""
        known = len((await self.fleet.provider.diary()).notes)
        slow = {"latency_ms": 1000}
        gateways = self.fleet.gateways * 2
        submits = (self.fleet.crowd.submit(gateway, self.key, sandbox=slow) for gateway in gateways)
        self.under_way += [asyncio.ensure_future(submit) for submit in submits]
        await until_so(lambda: self.arrived(known + len(gateways)))

    async def arrived(self, submits: int) -> bool:
        return len((await self.fleet.provider.diary()).notes) == submits

    async def sell_out(self) -> None:
        """Whatever the budget still has."""
        told = ""
        while told != "BUDGET_EXCEEDED":
            told = (await self.fleet.crowd.submit(self.fleet.gateways[0], self.key)).told

    async def copy(self) -> Path:
        """The store as it is now, put aside."""
        self.fleet.store.kill()
        copy = self.fleet.store.copy("older")
        await self.fleet.store.start()
        self.kept = len((await self.fleet.books()).entries)
        await until_so(self.fleet.all_ready)
        return copy

    async def begin_anew(self) -> None:
        """An emptied store sells nothing until somebody says that it is to be begun anew. Its keys are gone."""
        for gateway in self.fleet.gateways:
            assert (await self.fleet.crowd.submit(gateway, self.key)).told == "STORE_UNAVAILABLE"
            assert not await gateway.ready()
        await self.fleet.gateways[0].command("store", "init", "--yes")
        # Within a second every gateway is in the new epoch; until then no change can be recorded.
        await until_so(self.fleet.all_ready)
        self.key = await self.fleet.key()


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """Afterwards exactly the budget is spent, and everything is in its place."""
    async with open_fleet(team(budget(f"{JOBS * COST // 10**6}.000000")), gateways=3) as fleet:
        it = House(fleet, await fleet.key())
        yield it
        assert {attempt.told for attempt in await asyncio.gather(*it.under_way)} <= {"accepted"}
        await until_so(fleet.all_ready)
        await it.sell_out()
        await until_so(lambda: all_answers_posted(fleet))
        books, diary = await fleet.in_order(), await fleet.provider.diary()
        judge(fleet.crowd, books, diary, CEILINGS)
        assert nothing_admitted_before_the_thaw(books, it.kept)
        assert len(fleet.crowd.accepted) == diary.jobs == JOBS
        assert books.total("budget") == (JOBS * COST, 0)


def nothing_admitted_before_the_thaw(books: Books, kept: int) -> bool:
    """Whether no hold stands between what is left of the past and the entry that says what was lost of it."""
    since = [line.kind for line in books.entries if line.seq > kept]
    return "hold" not in since[: since.index("resume")]


async def test_an_older_copy_is_put_in_its_place() -> None:
    async with house() as it:
        await it.sell(10)
        copy = await it.copy()
        await it.sell(20)
        await it.send()
        it.fleet.store.kill()
        it.fleet.store.put_back(copy)
        await it.fleet.store.start()


@pytest.mark.long
async def test_an_older_copy_is_put_in_its_place_while_nobody_runs() -> None:
    async with house() as it:
        await it.sell(10)
        copy = await it.copy()
        await it.sell(20)
        for gateway in it.fleet.gateways:
            assert await gateway.stop() == 0
        it.fleet.store.kill()
        it.fleet.store.put_back(copy)
        await it.fleet.store.start()
        for gateway in it.fleet.gateways:
            await gateway.start()


async def test_whoever_was_dead_during_the_loss_tells_what_it_knew_when_it_comes_back() -> None:
    async with house() as it:
        await it.sell(10)
        copy = await it.copy()
        await it.sell(20)
        dead, *others = it.fleet.gateways
        dead.kill()
        it.fleet.store.kill()
        it.fleet.store.put_back(copy)
        await it.fleet.store.start()
        for gateway in others:
            await until_so(gateway.ready)
        await dead.start()


async def test_it_is_emptied() -> None:
    async with house() as it:
        await it.sell(20)
        await it.send()
        await it.fleet.store.ask("FLUSHALL")
        await it.begin_anew()


@pytest.mark.long
async def test_its_disk_is_lost() -> None:
    async with house() as it:
        await it.sell(20)
        await it.send()
        it.fleet.store.kill()
        it.fleet.store.lose()
        await it.fleet.store.start()
        await it.begin_anew()
