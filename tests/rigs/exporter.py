"""Exporters as processes that die, or fall asleep, at a step of the test's choice.

`python -m tests.rigs.exporter SETTINGS` forks one life for every line `ACTION STEP` on its input and answers with a
line on what became of it. The program has no hooks for that: its steps are counted around the store's adapter and
inside the database's driver.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine, event

from gateway.adapters.redis.connection import connect
from gateway.adapters.redis.stream import RedisStream
from gateway.adapters.redis.watch import RedisWatch
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.adapters.system import SystemClock
from gateway.service.export import Export

# `rest` is a stop outside of any transaction.
SIGNALS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "rest": signal.SIGSTOP}
NEVER: Final = 10**9
_STEPS: Final = ("state", "read", "exported", "refused", "refused_exported")


class Steps:
    """Counts what one life does, and sends it the signal at the step that was chosen."""

    def __init__(self, action: str, at: int, tell: Callable[[str], None]) -> None:
        self._action = action
        self._left = at
        self._tell = tell

    def __call__(self, name: str) -> None:
        if self._action == "rest" and " sql " in name:
            return
        self._left -= 1
        if self._left == 0:
            self._tell(name)
            # To this thread, or it might go on for a moment while another one takes the signal.
            signal.pthread_kill(threading.get_ident(), SIGNALS[self._action])


class SteppingStream(RedisStream):
    """The store's side, with a step before each call and one after it."""

    steps: Steps

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in _STEPS:
            return found

        async def stepping(*words: Any) -> Any:
            self.steps(f"before {name}")
            answer = await found(*words)
            self.steps(f"after {name}")
            return answer

        return stepping


def stepping(engine: Engine, steps: Steps) -> Engine:
    """The database's side, with a step before and after every statement and every commit."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        steps(f"before sql {words(statement)}")

    @event.listens_for(engine, "after_cursor_execute")
    def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        steps(f"after sql {words(statement)}")

    commit = engine.dialect.do_commit

    def committing(connection: Any) -> None:
        steps("before sql COMMIT")
        commit(connection)
        steps("after COMMIT")

    engine.dialect.do_commit = committing
    return engine


def words(statement: str) -> str:
    """What a statement does, and to which table."""
    named = [word for word in statement.split() if word.startswith(("ledger_", "refused_"))]
    table = named[0].partition(".")[0].rstrip(",") if named else ""
    return f"{statement.split()[0]} {table}".strip()


async def live(settings: dict[str, Any], steps: Steps, name: str) -> None:
    """Export until something ends it."""
    store = connect(settings["store"])
    stream = SteppingStream(store, tail=settings["tail"])
    stream.steps = steps
    archive = SqlArchive(stepping(open_engine(settings["database"]), steps), "the-ledger")
    watch, lease = RedisWatch(store.run), timedelta(seconds=settings["lease_s"])
    export = Export(stream, archive, watch, lambda _cursor: None, SystemClock(), name, lease)
    while True:
        await export()
        await asyncio.sleep(0.005)


def one_life(settings: dict[str, Any], action: str, at: int, number: int) -> int:
    """Fork a life; its process id, once it has begun. It tells where the signal met it through the pipe."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        steps = Steps(action, at, lambda name: os.write(writing, name.encode()) and None)
        asyncio.run(live(settings, steps, f"life-{number}"))
        os._exit(1)
    os.close(writing)
    os.set_inheritable(reading, False)
    _PIPES[pid] = reading
    return pid


_PIPES: Final[dict[int, int]] = {}


def met_at(pid: int) -> str:
    """Where the signal met it; nothing where somebody else ended it."""
    with os.fdopen(_PIPES.pop(pid), "rb") as pipe:
        return pipe.read().decode()


def serve(settings: dict[str, Any]) -> None:
    for number, line in enumerate(sys.stdin):
        action, at = line.split()
        pid = one_life(settings, action, int(at), number)
        print(pid, flush=True)
        if action == "kill":
            _, status = os.waitpid(pid, 0)
            place = met_at(pid)
            print(json.dumps({"signal": status & 0x7F, "at": place}), flush=True)
        else:
            print(json.dumps({"signal": 0, "at": os.read(_PIPES[pid], 200).decode()}), flush=True)


class Lives:
    """The test's side of the process that forks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def kill_at(self, step: int) -> str:
        """One life, ended by SIGKILL at its so-manieth step; at which that was."""
        await self.begin("kill", step)
        return await self.end()

    async def kill_after(self, seconds: float) -> str:
        """One life, ended by SIGKILL after a while, wherever it is then."""
        pid = await self.begin("kill", NEVER)
        await asyncio.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        return await self.end()

    async def begin(self, action: str, step: int) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{action} {step}\n".encode())
        return int(await self._line())

    async def end(self) -> str:
        told = json.loads(await self._line())
        assert told["signal"] in (0, signal.SIGKILL), told
        return str(told["at"])

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the exporters ended"
        return line


@asynccontextmanager
async def exporters(**settings: Any) -> AsyncIterator[Lives]:
    """`store` and `database` are URLs, `tail` how many exported entries stay, `lease_s` how long a lease lasts."""
    words = (sys.executable, "-m", "tests.rigs.exporter", json.dumps(settings))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    try:
        yield Lives(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
