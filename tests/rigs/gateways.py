"""Gateways as processes: `tollhouse serve` on a shared store, killed and started again on the same data directory."""

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from tests.cli.serving import PROGRAM, environment, run
from tests.rigs.child import Child, EndedAtOnce
from tests.rigs.provider import ROOT

ADMIN: Final = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))
PEPPER: Final = "0123456789abcdef"
NO_STORE: Final = "the store cannot be used"
UNFORESEEN: Final = re.compile(
    "failed and starts again|failed with|failed unforeseen|what the store said cannot be read|could not be written"
)

# The program on a machine whose clock is some seconds ahead.
_WRONG_CLOCK: Final = """
import datetime
from gateway.adapters.system import SystemClock
from gateway.cli import main
now = SystemClock.now
SystemClock.now = lambda clock: now(clock) + datetime.timedelta(seconds={seconds})
main()
"""


class GatewayProcess:
    """One gateway, through all its lives: the data directory stays, the ports change. `up` once it has said where."""

    def __init__(self, name: str, root: Path, settings: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        self.name = name
        self.root = root
        self.data_dir = root / "data"
        self.log = root / "log"
        # What is in doubt stays so: what a test decides by the provider's diary, nothing else decides meanwhile.
        plain = {"log_format": "json", "upstream_exclusive": "false"}
        self.settings = {"PYTHONPATH": str(ROOT), "data_dir": str(self.data_dir), **plain, **settings}
        self.url = self.control_url = ""
        self.up = False
        self._session = session
        self._out = root / "out"
        self._child: Child | None = None
        root.mkdir()

    @property
    def child(self) -> Child:
        assert self._child is not None, f"{self.name} was never started"
        return self._child

    async def start(self, program: Sequence[str] = PROGRAM) -> None:
        """Start it, and wait until it has said where it listens.

        As a supervisor would, once more as often as it says that the store did not answer it.
        """
        while not self.up:
            self._child = Child([*program, "serve"], self.root, environment(**self.settings), self._out, self.log)
            try:
                await self._child.come_up(self._printed)
            except EndedAtOnce as ended:
                if NO_STORE not in str(ended):
                    raise
            else:
                self._listens()

    def _listens(self) -> None:
        block = self._out.read_text()
        self.url, self.control_url = _row("data plane", block), _row("control plane", block)
        self.up = True

    async def _printed(self) -> bool:
        block = self._out.read_text()
        return "  policies " in block and block.endswith("\n\n")

    async def ready(self) -> bool:
        async with self._session.get(f"{self.url}/readyz") as reply:
            return reply.status == 200

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """Ask its control plane as the administrator; what it answers, which is a success."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        async with self._session.request(method, self.control_url + path, json=body, headers=headers) as reply:
            document = await reply.json()
            assert reply.status in (200, 201), document
            return document

    def kill(self) -> float:
        """`kill -9`. The moment (monotonic) from which it did nothing any more."""
        self.up = False
        return self.child.kill()

    async def command(self, *words: str) -> None:
        """A command of `tollhouse` with this gateway's settings, which succeeds."""
        done = await asyncio.to_thread(run, self.root, *words, **self.settings)
        assert done.returncode == 0, done.stderr

    async def stop(self) -> int:
        """SIGTERM, and wait for the end; its exit code."""
        self.up = False
        return await self.child.stop()

    def end(self) -> None:
        """Have it gone, whether or not it ever ran."""
        if self._child is not None:
            self._child.kill()

    def unforeseen(self) -> list[str]:
        """What it logged where it catches whatever comes, so that one failure ends nothing else: mistakes of ours."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if UNFORESEEN.search(line)]

    def spooled(self) -> list[str]:
        """The lines in its spool."""
        files = sorted((self.data_dir / "spool").glob("*.jsonl"))
        return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def wrong_by(seconds: float) -> list[str]:
    """The program with a clock that is so many seconds ahead."""
    return [sys.executable, "-c", _WRONG_CLOCK.format(seconds=seconds)]


def _row(name: str, block: str) -> str:
    found = re.search(rf"^  {name}  +(\S+)", block, re.MULTILINE)
    assert found, block
    return found[1]
