"""A process that belongs to a test: started, paused, killed, and gone when the test's own process is."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from gateway.adapters.redis import embedded

# Long enough for any machine: only what hangs meets it.
PATIENCE_S = 120.0
_POLL_S = 0.01


class EndedAtOnce(Exception):
    """The process ended before it was up; the end of its log says why."""


class Child:
    """One process. Start it from the main thread: Linux ends it with the thread that started it."""

    def __init__(self, command: list[str], cwd: Path, environment: Mapping[str, str], out: Path, log: Path) -> None:
        with out.open("wb") as stdout, log.open("ab") as stderr:
            self._process = subprocess.Popen(
                embedded._ended_with_parent(command), cwd=cwd, env=dict(environment), stdout=stdout, stderr=stderr
            )
        self._log = log

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> float:
        """`kill -9`, and see it gone. The moment (monotonic) from which it did nothing any more."""
        self._process.kill()
        self._process.wait()
        return time.monotonic()

    async def stop(self) -> int:
        """SIGTERM, and wait for the end; its exit code."""
        self._process.terminate()
        await until(lambda: not self.running)
        return self._process.returncode

    def freeze(self) -> None:
        """SIGSTOP: it lives and does nothing, as on a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def come_up(self, up: Callable[[], Awaitable[bool]]) -> None:
        """Wait until `up` says so. Raises EndedAtOnce."""
        ends = time.monotonic() + PATIENCE_S
        while not await up():
            if not self.running:
                raise EndedAtOnce(self._log.read_text()[-2000:])
            assert time.monotonic() < ends, f"it does not come up: {self._log.read_text()[-2000:]}"
            await asyncio.sleep(_POLL_S)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes about by itself."""

    async def asked() -> bool:
        return condition()

    await until_so(asked)


async def until_so(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that comes about by itself and has to be asked for."""
    ends = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < ends, "it did not come about"
        await asyncio.sleep(_POLL_S)
