"""An exporter between a real store and a real database, and what a test may do to either."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.stream import RedisStream
from gateway.adapters.redis.watch import RedisWatch
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.core.acceptance import Witness
from gateway.core.admission import Admission, Created
from gateway.core.ledger import Verb
from gateway.ports import Clock
from gateway.service.export import Export
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand, open_ledger
from tests.adapters.sql.databases import Reader, sqlite
from tests.service.gatehouse import Shifted

NOW = datetime.now(UTC)
LEASE = timedelta(seconds=5)


@dataclass(slots=True)
class Exporting:
    """A store of epoch `e1`, a ledger to write in it, and SQL. `export` is one gateway's exporter."""

    store: Store
    url: str
    ledger: RedisLedger
    watch: RedisWatch
    archive: SqlArchive
    reader: Reader
    learnt: list[Witness]
    export: Export
    clock: Shifted
    jobs: int = 0
    archives: list[SqlArchive] = field(default_factory=list)

    async def another(self, name: str, **kept: int) -> Export:
        """The exporter of another gateway, with another connection to the same database. It learns what ours does."""
        archive = SqlArchive(open_engine(self.url), f"ledger-{name}")
        self.archives.append(archive)
        return exporter(self.store, archive, name, self.learnt, self.clock, **kept)

    async def sell(self, jobs: int) -> None:
        """So many jobs: a hold and a capture each."""
        for _ in range(jobs):
            await self.hold()
            await self.capture()

    async def hold(self) -> None:
        self.jobs += 1
        assert isinstance(await self.ledger.admit(job(self.jobs), NOW), Created)

    async def capture(self) -> None:
        """What was held last."""
        await self.ledger.move(Verb.CAPTURE, job(self.jobs).hold, NOW, job=f"j{self.jobs}", cost=77)

    async def copy(self) -> dict[bytes, bytes]:
        """The store as it is."""
        names = [name async for name in self.store.client.scan_iter()]
        return {name: await self.store.client.dump(name) for name in names}

    async def put_back(self, copy: dict[bytes, bytes]) -> None:
        """Make the store what it was."""
        await self.store.command("FLUSHALL")
        for name, content in copy.items():
            await self.store.client.restore(name, 0, content)

    async def numbers(self) -> list[int]:
        """Of the entries in the store."""
        return [entry.seq for entry in await self.ledger.entries(limit=100_000)]

    async def field(self, name: str) -> int:
        return int(await self.store.command("HGET", keys.STORE, name) or 0)

    async def balances(self) -> dict[str, tuple[int, int]]:
        """Posted and held of every account in the store."""
        found: dict[str, tuple[int, int]] = {}
        async for name in self.store.client.scan_iter(match=keys.account("*")):
            posted, held = await self.store.command("HMGET", name, "posted", "held")
            found[name.decode().removeprefix(keys.account(""))] = (int(posted or 0), int(held or 0))
        return found


def job(number: int) -> Admission:
    return admission(f"h{number}", demand(TEAM, 100, 10**9), demand(RUNNING, 1, 10**6), created_at=NOW)


def exporter(
    store: Store,
    archive: SqlArchive,
    name: str,
    learnt: list[Witness],
    clock: Clock,
    lease: timedelta = LEASE,
    **kept: int,
) -> Export:
    """`kept` are the stream's backlog and tail."""
    return Export(RedisStream(store, **kept), archive, RedisWatch(store.run), learnt.append, clock, name, lease)


@asynccontextmanager
async def exporting(
    store: Store, root: Path, url: str | None = None, lease: timedelta = LEASE, **kept: int
) -> AsyncIterator[Exporting]:
    url, clock = url or sqlite(root), Shifted()
    ledger = await open_ledger(store)
    archive = SqlArchive(open_engine(url), "the-ledger")
    await archive.look()
    reader, learnt = Reader(url), list[Witness]()
    export = exporter(store, archive, "one", learnt, clock, lease, **kept)
    watch = RedisWatch(store.run, timedelta())
    it = Exporting(store, url, ledger, watch, archive, reader, learnt, export, clock)
    try:
        yield it
    finally:
        reader.close()
        for each in (archive, *it.archives):
            await each.close()
