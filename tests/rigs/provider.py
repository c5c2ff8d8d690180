"""The sandbox as a process of its own that keeps a diary: which submit came when, what job it made, when it answered.

`python -m tests.rigs.provider KEY` runs it. The diary names submits by the request id that the gateway passes on, and
tells the time by the monotonic clock, which all processes of a machine share.
"""

import asyncio
import sys
import time
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

import gateway
from gateway.adapters.system import SystemClock, SystemEntropy
from gateway.sandbox import Drawn, Faults, SandboxConfig, create_sandbox, submit
from gateway.sandbox.calls import WORLD
from gateway.sandbox.jobs import Job
from gateway.sandbox.world import accept
from tests.rigs.child import Child

ROOT = Path(gateway.__file__).parents[1]


@dataclass(slots=True)
class Note:
    """One submit. `job` is what it made, whether or not that was answered; times are monotonic."""

    request: str
    arrived: float
    job: str | None = None
    answered: float | None = None


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


async def start_provider(directory: Path, key: str, session: aiohttp.ClientSession) -> Provider:
    """Run one that takes this key, with its output in `directory`."""
    out = directory / "provider.out"
    child = Child([sys.executable, "-m", "tests.rigs.provider", key], ROOT, {}, out, directory / "provider.log")

    async def printed() -> bool:
        return out.read_bytes().endswith(b"\n")

    await child.come_up(printed)
    return Provider(child, out.read_text().strip(), session)


_CURRENT: ContextVar[Note] = ContextVar("current")


def _accept_and_note(*given: Any) -> Any:
    made = accept(*given)
    if isinstance(made, Job):
        _CURRENT.get().job = made.id
    return made


def _noting(notes: list[Note]) -> Middleware:
    @web.middleware
    async def noting(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/rig/diary":
            world = request.app[WORLD]
            kept = {"spent": world.account.spent, "jobs": len(world.jobs.in_order), "peak": world.record.peak}
            return web.json_response({"notes": [asdict(note) for note in notes], **kept})
        if request.path != "/v1/jobs/submit":
            return await handler(request)
        note = Note(request.headers["X-Request-Id"], time.monotonic())
        notes.append(note)
        _CURRENT.set(note)
        response = await handler(request)
        note.answered = time.monotonic()
        return response

    return noting


async def _serve(key: str) -> None:
    submit.accept = _accept_and_note
    notes: list[Note] = []
    drawn = Drawn(SystemEntropy().token)
    sandbox = create_sandbox(
        SandboxConfig(Faults(processing_seconds=3600), keys=frozenset({key})), SystemClock().now, drawn
    )
    sandbox.middlewares.append(_noting(notes))
    runner = web.AppRunner(sandbox, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
