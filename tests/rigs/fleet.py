"""Several gateways on one store, a provider, and a crowd: what a company runs, in processes."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from gateway.adapters.sql.engine import sqlite_url
from tests.adapters.sql.databases import Reader
from tests.rigs.books import Books, out_of_balance, read_books, sequence
from tests.rigs.child import until_so
from tests.rigs.crowd import Crowd, open_session
from tests.rigs.gateways import ADMIN, PEPPER, GatewayProcess
from tests.rigs.provider import USUAL, Conditions, Provider, start_provider
from tests.rigs.storage import Storage, storage
from tests.rigs.wire import Delay, Wire, wire
from tests.walkthrough import policies
from tests.walkthrough.house import CANARY, Key


@dataclass(slots=True)
class Fleet:
    """Everything that runs. `wires` lead each gateway to the store, where the test asked for delays.

    The gateways share one SQL ledger, unless the test gave them others.
    """

    root: Path
    store: Storage
    provider: Provider
    gateways: list[GatewayProcess]
    session: aiohttp.ClientSession
    crowd: Crowd
    database: str
    wires: dict[str, Wire] = field(default_factory=dict)

    async def key(self, team: str = policies.TEAM) -> Key:
        """Issue a key, through the first gateway that runs."""
        gateway = next(each for each in self.gateways if each.up)
        issued = await gateway.control("POST", "/admin/v1/keys", {"team": team, "name": "a key"})
        return Key(issued["id"], issued["key"])

    async def books(self) -> Books:
        return await read_books(self.store)

    async def all_ready(self) -> bool:
        return all([gateway.up and await gateway.ready() for gateway in self.gateways])

    async def in_order(self) -> Books:
        """The books, whose balances are the sums of their entries, each of which SQL has once."""
        books = await self.books()
        assert out_of_balance(books) == []
        await until_so(self.exported)
        return books

    async def exported(self) -> bool:
        """Whether SQL has the store's entries and no others, except what the store lost."""
        reader = Reader(self.database)
        try:
            rows = [row[1:] for row in reader.entries()]
        finally:
            reader.close()
        return rows == [(line.seq, line.kind, line.hold) for line in (await self.books()).entries]

    async def all_exported(self) -> bool:
        """Whether SQL has come as far as the store, which may have trimmed what SQL has."""
        reader = Reader(self.database)
        try:
            ((number,),) = reader.rows("SELECT coalesce(max(seq), 0) FROM ledger_entries")
        finally:
            reader.close()
        return number == await sequence(self.store)


@asynccontextmanager
async def open_fleet(
    *files: dict[str, str],
    gateways: int = 3,
    delay: Delay | None = None,
    conditions: Conditions = USUAL,
    **settings: str,
) -> AsyncIterator[Fleet]:
    """Run them. With `delay` a piece between a gateway and the store takes `delay(piece)` seconds longer."""
    async with AsyncExitStack() as stack:
        # Not pytest's directory: a socket's path may have about 100 characters.
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp")))
        session = await stack.enter_async_context(open_session())
        policies.write(root / "policies", {name: text for each in files for name, text in each.items()})
        store = stack.enter_context(storage(root / "store"))
        await store.start()
        provider = await start_provider(root, CANARY, session, conditions)
        stack.callback(provider.child.kill)
        database = settings.setdefault("database_url", sqlite_url(root / "ledger.db"))
        fleet = Fleet(root, store, provider, [], session, Crowd(session), database)
        for number in range(gateways):
            fleet.gateways.append(await _gateway(stack, fleet, f"g{number}", delay, settings))
        # The first one makes the store its own; the others only find it so.
        await fleet.gateways[0].start()
        await asyncio.gather(*(gateway.start() for gateway in fleet.gateways[1:]))
        yield fleet
        assert [line for gateway in fleet.gateways for line in gateway.unforeseen()] == []


async def _gateway(
    stack: AsyncExitStack, fleet: Fleet, name: str, delay: Delay | None, settings: dict[str, str]
) -> GatewayProcess:
    url = fleet.store.url
    if delay is not None:
        fleet.wires[name] = await stack.enter_async_context(wire(fleet.store.socket, fleet.root / name[1:], delay))
        url = fleet.wires[name].url
    shared = {
        "PIXELBYTE_API_KEY": CANARY,
        "upstream_url": fleet.provider.url,
        "redis_url": url,
        "pepper": PEPPER,
        "admin_key": ADMIN,
        "store_init": "auto" if not fleet.gateways else "never",
        "policies": str(fleet.root / "policies"),
        **settings,
    }
    gateway = GatewayProcess(name, fleet.root / name, shared, fleet.session)
    stack.callback(gateway.end)
    return gateway
