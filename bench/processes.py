"""Processes of a benchmark: each on the core it belongs to, gone when the benchmark is, and what they cost so far.

The rule of this file: what is measured has the first core to itself; everything else, this program too, has the
second. A machine with one core has no such choice, and its figures say so.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
PYTHON: Final = sys.executable
CORES: Final = sorted(os.sched_getaffinity(0))
MEASURED: Final = CORES[0]
ELSEWHERE: Final = CORES[1 % len(CORES)]

_START_S: Final = 180.0
_STOP_S: Final = 20.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class DidNotStart(Exception):
    """A process ended, or never became ready. Says what it wrote last."""


def pin_here() -> None:
    """Keep this program off the measured core."""
    os.sched_setaffinity(0, {ELSEWHERE})


# What a child does before it becomes its program: take its core, and end when this program ends.
_LAUNCH: Final = """
import ctypes, os, signal, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[2]):
    sys.exit(1)
os.execvp(sys.argv[3], sys.argv[3:])
"""


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    core: int,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Run a process on `core` until the block ends; yields its id once it is `ready`. Raises DidNotStart."""
    with log.open("ab") as written:
        process = subprocess.Popen(
            [PYTHON, "-I", "-c", _LAUNCH, str(core), str(os.getpid()), *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    try:
        until = time.monotonic() + _START_S
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise DidNotStart(f"{' '.join(command)}: {log.read_text()[-2000:]}")
            time.sleep(0.01)
        yield process.pid
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> Callable[[], bool]:
    """Whether something takes connections at `port` by now."""

    def connects() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    return connects


def child_of(process: int, says: str) -> int | None:
    """A child of `process` whose command line contains `says`, if there is one by now."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with suppress(OSError):
            if says in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    return None


def move_elsewhere(process: int) -> None:
    """Take a process, with all its threads, off the measured core."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {ELSEWHERE})


def cpu_seconds(process: int) -> float:
    """CPU time of a process so far, in user and system mode, all its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(process: int) -> int:
    """The memory that a process has in use now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def busy_share(seconds: float = 1.0) -> float:
    """How much of all cores is in use by anybody, while this program waits."""
    busy, total = _machine()
    time.sleep(seconds)
    later_busy, later_total = _machine()
    return (later_busy - busy) / max(later_total - total, 1)


def _machine() -> tuple[int, int]:
    line = Path("/proc/stat").read_text().split("\n", 1)[0]
    ticks = [int(word) for word in line.split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)
