"""The sandbox as a process of its own that keeps a diary: which submit came when, what job it made, when it answered.

`python -m tests.rigs.provider KEY CONDITIONS` runs it. The diary names submits by the request id that the gateway
passes on, and tells the time by the monotonic clock, which all processes of a machine share.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

import gateway
from gateway.adapters.system import SystemClock, SystemEntropy
from gateway.sandbox import Drawn, Faults, SandboxConfig, create_sandbox, submit, webhooks
from gateway.sandbox.calls import WORLD
from gateway.sandbox.faults import merge
from gateway.sandbox.jobs import Job
from gateway.sandbox.replies import Refusal
from gateway.sandbox.world import World, accept
from tests.rigs.child import Child
from tests.rigs.mischief import Mischief

ROOT = Path(gateway.__file__).parents[1]
# As often as the documents say, and sooner: what nobody answered while everybody was dead is told before tests end.
_AGAIN_AFTER_S: Final = (0.5, 1, 2, 4, 8)


@dataclass(slots=True)
class Note:
    """One submit. `job` is what it made, whether or not that was answered; times are monotonic."""

    request: str
    arrived: float
    job: str | None = None
    answered: float | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an account has agreed on with the provider, and how its jobs go if nothing else is asked for.

    With a `mischief` webhooks come as `tests.rigs.mischief` draws it from this seed.
    """

    discount_percent: str = "0"
    faults: Mapping[str, Any] = field(default_factory=lambda: {"processing_seconds": 3600})
    mischief: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The provider's own account book: of each job what was charged, what was given back (micro-USD), and its status.

    `mischief` is what was done to webhooks, `believed` how many were taken that nobody may believe.
    """

    lines: dict[str, tuple[int, int, str]]
    mischief: dict[str, int]
    believed: int


@dataclass(frozen=True, slots=True)
class Diary:
    """What the provider says: `spent` in micro-USD for `jobs` jobs, and the most submits in hand at once."""

    notes: list[Note]
    spent: int
    jobs: int
    peak: int

    @property
    def by_request(self) -> dict[str, Note]:
        """The submits by their request ids; no two have the same, because nothing is ever sent twice."""
        found = {note.request: note for note in self.notes}
        assert len(found) == len(self.notes), "a submit was sent twice"
        return found


# The sandbox's usual account, on which no job ends before a test does.
USUAL: Final = Conditions()


class Provider:
    """A running sandbox, and how to read it."""

    def __init__(self, child: Child, url: str, session: aiohttp.ClientSession) -> None:
        self.child = child
        self.url = url
        self._session = session

    async def diary(self) -> Diary:
        async with self._session.get(f"{self.url}/rig/diary") as reply:
            said = await reply.json()
        return Diary([Note(**note) for note in said.pop("notes")], **said)

    async def account(self) -> Account:
        async with self._session.get(f"{self.url}/rig/account") as reply:
            said = await reply.json()
        return Account({job: tuple(line) for job, line in said.pop("lines").items()}, **said)

    async def jobs(self) -> int:
        """How many there are."""
        async with self._session.get(f"{self.url}/rig/jobs") as reply:
            return int(await reply.text())


async def start_provider(directory: Path, key: str, session: aiohttp.ClientSession, conditions: Conditions) -> Provider:
    """Run one that takes this key, with its output in `directory`."""
    out = directory / "provider.out"
    command = [sys.executable, "-m", "tests.rigs.provider", key, json.dumps(asdict(conditions))]
    child = Child(command, ROOT, {}, out, directory / "provider.log")

    async def printed() -> bool:
        return out.read_bytes().endswith(b"\n")

    await child.come_up(printed)
    return Provider(child, out.read_text().strip(), session)


_CURRENT: ContextVar[Note] = ContextVar("current")


def _noted(addresses: list[str]) -> Callable[..., Job | Refusal]:
    def accepting(*given: Any) -> Job | Refusal:
        made = accept(*given)
        if isinstance(made, Job):
            _CURRENT.get().job = made.id
            addresses.append(made.webhook_url or "")
        return made

    return accepting


def _noting(notes: list[Note], mischief: Mischief) -> Middleware:
    @web.middleware
    async def noting(request: web.Request, handler: Handler) -> web.StreamResponse:
        world = request.app[WORLD]
        match request.path:
            case "/rig/diary":
                kept = {"spent": world.account.spent, "jobs": len(world.jobs.in_order), "peak": world.record.peak}
                return web.json_response({"notes": [asdict(note) for note in notes], **kept})
            case "/rig/account":
                return web.json_response(_account(world, mischief))
            case "/rig/jobs":
                return web.Response(text=str(len(world.jobs.in_order)))
        if request.path != "/v1/jobs/submit":
            return await handler(request)
        note = Note(request.headers["X-Request-Id"], time.monotonic())
        notes.append(note)
        _CURRENT.set(note)
        response = await handler(request)
        note.answered = time.monotonic()
        return response

    return noting


def _account(world: World, mischief: Mischief) -> dict[str, object]:
    now = world.clock()
    book = world.account.lines
    lines = {job: (book[job].charged, book[job].refunded, one.status(now)) for job, one in world.jobs.by_id.items()}
    return {"lines": lines, "mischief": mischief.done, "believed": mischief.believed}


async def _serve(key: str, conditions: Conditions) -> None:
    mischief = Mischief(random.Random(conditions.mischief))
    submit.accept = _noted(mischief.addresses)
    if conditions.mischief is not None:
        webhooks._deliver = mischief.deliver
    faults = merge(Faults(), conditions.faults)
    assert isinstance(faults, Faults), faults
    config = SandboxConfig(
        faults, keys=frozenset({key}), discount_percent=conditions.discount_percent, webhook_retries=_AGAIN_AFTER_S
    )
    notes: list[Note] = []
    sandbox = create_sandbox(config, SystemClock().now, Drawn(SystemEntropy().token))
    sandbox.middlewares.append(_noting(notes, mischief))
    runner = web.AppRunner(sandbox, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], Conditions(**json.loads(sys.argv[2]))))
