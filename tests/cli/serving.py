"""`tollhouse serve` as a process of its own, in a directory of the test, on ports that the system chose."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.walkthrough.house import SLUG

PROGRAM = [sys.executable, "-m", "gateway"]
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running gateway: its process, the block it printed, and the log it writes."""

    process: subprocess.Popen[bytes]
    root: Path
    block: str
    log: Path

    def row(self, name: str) -> str:
        """What the block says beside `name`."""
        found = re.search(rf"^  {name}  +(\S+)", self.block, re.MULTILINE)
        assert found, self.block
        return found[1]

    @property
    def url(self) -> str:
        return self.row("data plane")

    @property
    def key(self) -> str:
        """The demo key, out of the printed request."""
        found = re.search(r"Bearer (toll_live_\w+)", self.block)
        assert found, self.block
        return found[1]

    def submit(self, key: str | None = None, **given: object) -> tuple[int, Any]:
        """One submit of $0.35."""
        return ask(f"{self.url}/v1/jobs/submit", key or self.key, {"model": SLUG, "input": given})

    def limits(self, key: str | None = None) -> dict[str, Any]:
        status, me = ask(f"{self.url}/tollhouse/v1/me", key or self.key)
        assert status == 200, me
        return {row["name"]: row for row in me["limits"]}

    def sandbox(self, path: str) -> Any:
        return ask(f"{self.row('upstream')}/sandbox/{path}", "")[1]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


def ask(url: str, key: str, body: object = None) -> tuple[int, Any]:
    """One request with a key; its status and JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=PATIENCE_S) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def environment(**given: str) -> dict[str, str]:
    """The variables of a process. Names in capitals are whole, others begin with `TOLLHOUSE_`."""
    plain = {"listen": "127.0.0.1:0", "control_listen": "127.0.0.1:0", **given}
    named = {name if name.isupper() else f"TOLLHOUSE_{name.upper()}": value for name, value in plain.items()}
    return {"PATH": os.environ["PATH"], **named}


@contextmanager
def serving(root: Path, **given: str) -> Iterator[Served]:
    """Run it in `root` until the end of the block, when it is killed if it still runs."""
    out, log = root / "out", root / "log"
    with (
        out.open("wb") as stdout,
        log.open("ab") as stderr,
        subprocess.Popen(
            [*PROGRAM, "serve"], cwd=root, env=environment(**given), stdout=stdout, stderr=stderr
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or _whole(out.read_text()))
            assert process.poll() is None, log.read_text()
            yield Served(process, root, out.read_text(), log)
        finally:
            process.kill()


def _whole(block: str) -> bool:
    return "  policies " in block and block.endswith("\n\n")


def run(root: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=root, env=environment(**given), capture_output=True, text=True, timeout=PATIENCE_S
    )


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes about by itself."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)
