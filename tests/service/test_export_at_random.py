"""Whatever happens in whatever order: in the end SQL has each entry that the store ever had, once, and none made up.

`EXPORT_SEED=N` runs one sequence again; the seed of one that fails is in its message.
"""

import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.core.epoch import successor
from gateway.service.export import Export
from tests.service.exporting import LEASE, NOW, Exporting, exporting

RUNS: Final = 20
STEPS: Final = 60


@dataclass(slots=True)
class Chance:
    """One sequence. `seen` are all entries that ever stood in the store: (epoch, number, kind, hold)."""

    it: Exporting
    exports: tuple[Export, ...]
    rng: random.Random
    seen: set[tuple[str, int, str, str]] = field(default_factory=set)
    copy: dict[bytes, bytes] | None = None
    told: list[str] = field(default_factory=list)

    async def step(self) -> None:
        steps: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "sell": (6, self.sell),
            "export": (6, self.export),
            "lapse": (2, self.lapse),
            "copy": (3, self.keep_copy),
            "lose": (2, self.lose),
            "thaw": (5, self.thaw),
        }
        name = self.rng.choices(list(steps), [weight for weight, _ in steps.values()])[0]
        self.told.append(name)
        await steps[name][1]()
        await self.look()

    async def sell(self) -> None:
        """Jobs; what a frozen store refuses is not sold."""
        for _ in range(self.rng.randint(1, 6)):
            if not await self.frozen():
                await self.it.hold()
                await self.it.capture()

    async def export(self) -> None:
        await self.rng.choice(self.exports)()

    async def lapse(self) -> None:
        self.it.clock.off += LEASE

    async def keep_copy(self) -> None:
        if not await self.frozen():
            self.copy = await self.it.copy()

    async def lose(self) -> None:
        """An older copy is put in the store's place. Whoever sells next notices, or whoever exports."""
        if self.copy is None or await self.frozen():
            return
        await self.it.put_back(self.copy)
        self.copy = None
        epoch, seq = await self.it.store.command("HMGET", keys.STORE, "epoch", "seq")
        memory = self.it.ledger.memory
        if int(seq) == memory.seen and epoch.decode() == memory.epoch:
            return
        if self.rng.random() < 0.5:
            for export in self.exports:
                await export()
        if not await self.frozen():
            # Perhaps SQL knew no more than the copy does; whoever sold what is lost now knows.
            known, first = epoch.decode(), int(seq) + 1
            assert await self.it.watch.freeze(known, successor(known, memory.epoch), first, max(first, memory.highest))

    async def thaw(self) -> None:
        if not await self.frozen():
            return
        epoch = (await self.it.store.command("HGET", keys.STORE, "epoch")).decode()
        fresh = successor(epoch, epoch)
        seq = await self.it.watch.thaw(epoch, fresh, NOW)
        assert seq is not None
        self.it.ledger.memory.take_up(fresh, seq)

    async def frozen(self) -> bool:
        return bool(await self.it.store.command("HEXISTS", keys.STORE, "frozen"))

    async def look(self) -> None:
        for entry_id, fields in await self.it.store.command("XRANGE", keys.ENTRIES, "-", "+"):
            seq = int(entry_id.split(b"-")[0])
            self.seen.add((fields[b"epoch"].decode(), seq, fields[b"kind"].decode(), fields[b"hold"].decode()))

    async def judge(self) -> None:
        await self.thaw()
        await self.look()
        for _ in range(3):
            self.it.clock.off += LEASE
            for export in self.exports:
                await export()
                assert export.trouble is None
        rows = [
            (str(epoch), int(str(seq)), str(kind), str(hold), lost)
            for epoch, seq, kind, hold, lost in self.it.reader.rows(
                "SELECT epoch, seq, kind, hold, lost_in FROM ledger_entries ORDER BY seq, epoch"
            )
        ]
        assert {row[:4] for row in rows} <= self.seen
        standing = [row[:4] for row in rows if row[4] is None]
        there = await self.it.ledger.entries(limit=100_000)
        assert [(seq, kind, hold) for _, seq, kind, hold in standing][-len(there) :] == [
            (entry.seq, entry.kind, entry.hold) for entry in there
        ]
        sums = {account: sum_ for account, sum_ in self.it.reader.posted().items() if sum_ != (0, 0)}
        assert sums == {account: sum_ for account, sum_ in (await self.it.balances()).items() if sum_ != (0, 0)}


@pytest.mark.parametrize("run", range(RUNS))
async def test_whatever_happens(store: Store, tmp_path: Path, run: int) -> None:
    seed = int(os.environ.get("EXPORT_SEED") or random.getrandbits(32))
    async with exporting(store, tmp_path, backlog=10_000, tail=15) as it:
        exports = (it.export, await it.another("two", backlog=10_000, tail=15))
        chance = Chance(it, exports, random.Random(seed))
        try:
            for _ in range(STEPS):
                await chance.step()
            await chance.judge()
        except BaseException as error:
            error.add_note(f"again with: EXPORT_SEED={seed}, after {' '.join(chance.told)}")
            raise
