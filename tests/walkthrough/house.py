"""A whole gateway for a test: policies in, keys out, real sockets, a real store, and an upstream of the test's own.

The upstream is a sandbox in the place of the real provider, so the gateway talks to it with the real key, `CANARY`.
"""

import asyncio
import json
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from multidict import CIMultiDictProxy
from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.adapters.system import SystemClock
from gateway.core.audit_record import KINDS
from gateway.core.ledger import Entry
from gateway.ports import HoldRecord
from gateway.sandbox import Faults, OpenSandbox, SandboxConfig, open_sandbox
from gateway.settings import load_settings
from gateway.wiring import Gateway, open_gateway
from tests.store import leaks
from tests.walkthrough import policies

SLUG: Final = "kling/kling-2.6-pro/text-to-video"
CANARY: Final = "pb_canary_5b1f0e7c9d3a"
SEED: Final[Mapping[str, object]] = {
    "prompt": "A golden retriever running through a sunlit meadow",
    "aspect_ratio": "16:9",
    "duration": "5",
    "has_sound": "true",
}

Balances = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.document["error"]

    @property
    def code(self) -> str:
        return str(self.error["code"])

    @property
    def details(self) -> Any:
        return self.error["details"]

    @property
    def hold(self) -> str:
        return self.headers["Tollhouse-Hold-Id"]


@dataclass(frozen=True, slots=True)
class House:
    """A running gateway, its store, and the sandbox it takes for the provider (unless the test has its own)."""

    gateway: Gateway
    sandbox: OpenSandbox
    session: ClientSession
    store: Store

    @property
    def port(self) -> int:
        return int(self.gateway.data_url.rpartition(":")[2])

    @property
    def ledger(self) -> RedisLedger:
        return RedisLedger(self.store, "")

    @property
    def upstream_calls(self) -> int:
        """How many submits reached the sandbox."""
        return len(self.sandbox.record.submits)

    async def call(
        self, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        typed = {} if data is None else {"Content-Type": "application/json"}
        sent = {**typed, **(headers or {})}
        async with self.session.request(method, url, data=data, headers=sent, allow_redirects=False) as reply:
            return Answer(reply.status, reply.headers, await reply.read())

    async def ask(
        self, method: str, path: str, key: Key | None, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request to the data plane."""
        own = {} if key is None else {"Authorization": f"Bearer {key.secret}"}
        return await self.call(method, self.gateway.data_url + path, body=body, headers={**own, **(headers or {})})

    async def submit(
        self, key: Key | None, *, model: str = SLUG, headers: Mapping[str, str] | None = None, **given: object
    ) -> Answer:
        """Submit a job with these inputs; without any it costs $0.35. `sandbox=` names its faults."""
        return await self.ask("POST", "/v1/jobs/submit", key, body={"model": model, "input": given}, headers=headers)

    async def quote(self, key: Key, *, model: str = SLUG, **given: object) -> Answer:
        return await self.ask("POST", "/tollhouse/v1/quote", key, body={"model": model, "input": given})

    async def me(self, key: Key) -> Any:
        answer = await self.ask("GET", "/tollhouse/v1/me", key)
        assert answer.status == 200, answer
        return answer.document

    async def limit(self, key: Key, name: str) -> Any:
        """One limit as `/me` shows it."""
        return next(row for row in (await self.me(key))["limits"] if row["name"] == name)

    async def control(self, method: str, path: str, body: object = None) -> Answer:
        """A request to the control plane, with the admin key."""
        secret = (self.gateway.data_dir / "admin.key").read_text().strip()
        headers = {"Authorization": f"Bearer {secret}"}
        return await self.call(method, self.gateway.control_url + path, body=body, headers=headers)

    async def key(self, team: str = policies.TEAM, **terms: object) -> Key:
        """Issue a key."""
        answer = await self.control("POST", "/admin/v1/keys", {"team": team, "name": "a key", **terms})
        assert answer.status == 201, answer
        return Key(answer.document["id"], answer.document["key"])

    async def change_key(self, key: Key, **fields: Any) -> None:
        """Write another record for the key, as only time or an operator could."""
        virtual_keys = RedisVirtualKeys(self.store)
        stored = await virtual_keys.get(key.id)
        assert stored is not None
        assert await virtual_keys.put(replace(stored, **fields, revision=stored.revision + 1))

    async def apply(self, files: dict[str, str], *remove_teams: str) -> None:
        """Make these policies live."""
        asked = {"files": policies.whole(files), "remove_teams": list(remove_teams)}
        answer = await self.control("POST", "/admin/v1/policies/apply", asked)
        assert answer.status == 200, answer

    async def accounts(self) -> Balances:
        """Posted and held of every account in the store, by its name without the window's label."""
        found: Balances = {}
        async for name in self.store.client.scan_iter(match=keys.account("*"), count=1000):
            posted, held = await self.store.command("HMGET", name, "posted", "held")
            account = name.decode().removeprefix(keys.account("")).rpartition(":")[0]
            found[account] = (int(posted or 0), int(held or 0))
        return found

    async def entries(self) -> tuple[Entry, ...]:
        """Those about jobs and money, without the audit trail."""
        return tuple(one for one in await self.ledger.entries(limit=100_000) if one.kind not in KINDS)

    async def hold(self, hold_id: str) -> HoldRecord:
        found = await self.ledger.find(hold_id)
        assert found is not None, f"there is no hold {hold_id}"
        return found

    async def states(self) -> dict[str, int]:
        """How many holds are in which state, whether or not an index knows of them."""
        names = [name async for name in self.store.client.scan_iter(match=keys.hold("*"), count=1000)]
        states = [(await self.store.command("HGET", name, "state")).decode() for name in names]
        return dict(Counter(states))

    async def has(self, **states: int) -> bool:
        """Whether these are the states of all holds."""
        return await self.states() == states

    async def metrics(self) -> "Metrics":
        answer = await self.call("GET", self.gateway.control_url + "/metrics")
        assert answer.status == 200
        return Metrics(answer.body.decode())

    async def ready(self) -> bool:
        return (await self.call("GET", self.gateway.data_url + "/readyz")).status == 200

    async def store_pid(self) -> int:
        """The process of the embedded store."""
        return int((await self.store.client.info("server"))["process_id"])

    async def in_order(self) -> None:
        """What must be true of a store at rest: its balances are its entries summed up, and no key stays by mistake."""
        summed: Balances = {}
        for entry in await self.entries():
            for move in entry.moves:
                name = move.account.rpartition(":")[0]
                posted, held = summed.get(name, (0, 0))
                summed[name] = (posted + move.posted, held + move.held)
        assert summed == await self.accounts()
        assert await leaks(self.store) == []


class Metrics:
    """An exposition, by sample name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = text_string_to_metric_families(text)
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __call__(self, sample: str, **labels: str) -> float | None:
        """The value of one sample with exactly these labels; None when there is none."""
        return self._samples.get((sample, frozenset(labels.items())))


@asynccontextmanager
async def open_house(
    *files: dict[str, str],
    upstream: str | None = None,
    key_file: Path | None = None,
    faults: Faults | None = None,
    sandbox: SandboxConfig | None = None,
    **settings: str,
) -> AsyncIterator[House]:
    """Open a gateway with these policy files; `upstream` is for tests that are their own provider, `key_file` for
    those that replace the real key.

    Settings are written as `upstream_timeout="300ms"`. When the test is over the store must be in order.
    """
    async with AsyncExitStack() as stack:
        # Not pytest's directory: a socket's path may have about 100 characters.
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp")))
        policies.write(
            root / "policies", {name: text for each in files or (policies.team(),) for name, text in each.items()}
        )
        opened = open_sandbox(sandbox or SandboxConfig(), clock=SystemClock().now, rng=random.Random(7))
        provider = await stack.enter_async_context(opened)
        # Jobs run for as long as a test does, unless it is about how they end.
        provider.world.faults = faults or replace(provider.world.faults, processing_seconds=3600)
        plain = {f"TOLLHOUSE_{name.upper()}": value for name, value in settings.items()}
        environment = {
            **({"PIXELBYTE_API_KEY": CANARY} if key_file is None else {"PIXELBYTE_API_KEY_FILE": str(key_file)}),
            "TOLLHOUSE_UPSTREAM_URL": upstream or provider.url,
            # What is in doubt stays so, unless a test is about what the list of jobs can tell.
            "TOLLHOUSE_UPSTREAM_EXCLUSIVE": "false",
            "TOLLHOUSE_LISTEN": "127.0.0.1:0",
            "TOLLHOUSE_CONTROL_LISTEN": "127.0.0.1:0",
            "TOLLHOUSE_DATA_DIR": str(root / "data"),
            "TOLLHOUSE_POLICIES": str(root / "policies"),
            **plain,
        }
        gateway = await stack.enter_async_context(open_gateway(load_settings(environment)))
        session = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=60))
        store = connect(f"unix://{root / 'data' / 'store' / 'store.sock'}")
        stack.push_async_callback(store.close)
        await stack.enter_async_context(session)
        house = House(gateway, provider, session, store)
        yield house
        await house.in_order()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that comes about by itself."""
    for _ in range(1000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about within 10 seconds")
