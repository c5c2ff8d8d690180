"""`make bench`: one table of the sandbox asked directly, through a bare aiohttp proxy, and through the gateway.

Every server is a process of its own; the load comes from this one. The gateway prices, checks a key, five limits and a
rate, holds and captures; its store is embedded, in memory-backed storage where there is some. Read the ratios: the
machine's other work is in every figure.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Load, load, request_bytes

HOST = "127.0.0.1"
PATH = "/v1/jobs/submit"
BODY = json.dumps(
    {
        "model": "kling/kling-2.6-pro/text-to-video",
        "input": {"prompt": "A golden retriever running through a sunlit meadow", "duration": "5", "has_sound": "true"},
    }
).encode()
SECONDS = 4.0
CONCURRENCY = (1, 32)

ORGANIZATION = """
schema = 1
organization = "bench"
zone = "UTC"
[[limit]]
name = "organization-month"
meter = "usd"
window = "month"
ceiling = "1000000000.00"
"""
TEAM = """
schema = 1
team = "bench"
[[limit]]
name = "month"
meter = "usd"
window = "month"
ceiling = "1000000000.00"
[[limit]]
name = "jobs"
meter = "jobs"
window = "day"
ceiling = 1000000000
[[limit]]
name = "at-once"
meter = "in_flight"
ceiling = 1000000000
[[limit]]
name = "each-key"
meter = "usd"
window = "day"
per = "key"
ceiling = "1000000000.00"
[[rate]]
name = "submits"
per = "key"
requests = 1000000
window = "second"
burst = 1000000
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Something to send submits to, and the process whose work is counted."""

    name: str
    port: int
    key: str
    process: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(arguments: list[str], port: int, **environment: str) -> Iterator[int]:
    """A process that listens on `port`; yields its id."""
    process = subprocess.Popen(arguments, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.02)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(process: int) -> float:
    """CPU time of a process so far, as Linux counts it."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def targets(stack: ExitStack, directory: Path) -> list[Target]:
    python = sys.executable
    sandbox, bare, data, control = free_port(), free_port(), free_port(), free_port()
    direct = stack.enter_context(running([python, "-m", "gateway", "sandbox", "--port", str(sandbox)], sandbox))
    upstream = f"http://{HOST}:{sandbox}"
    proxy = stack.enter_context(running([python, "-m", "bench.bare_proxy", upstream, str(bare)], bare))
    policies = directory / "policies"
    (policies / "teams").mkdir(parents=True)
    (policies / "organization.toml").write_text(ORGANIZATION)
    (policies / "teams" / "bench.toml").write_text(TEAM)
    shutil.copytree("policies/prices", policies / "prices")
    settings = {
        "PIXELBYTE_API_KEY": "pb_bench",
        "TOLLHOUSE_UPSTREAM_URL": upstream,
        "TOLLHOUSE_DATA_DIR": str(directory / "data"),
        "TOLLHOUSE_POLICIES": str(policies),
        "TOLLHOUSE_LISTEN": f"{HOST}:{data}",
        "TOLLHOUSE_CONTROL_LISTEN": f"{HOST}:{control}",
        "TOLLHOUSE_CONTROL_URL": f"http://{HOST}:{control}",
        "TOLLHOUSE_LOG_FORMAT": "json",
    }
    gateway = stack.enter_context(running([python, "-m", "gateway", "serve"], data, **settings))
    issue = [python, "-m", "gateway", "key", "issue", "--team", "bench", "--name", "bench", "--json"]
    issued = subprocess.run(issue, env={**os.environ, **settings}, capture_output=True, check=True)
    key = json.loads(issued.stdout)["key"]
    return [
        Target("direct", sandbox, "pb_bench", direct),
        Target("bare aiohttp proxy", bare, "pb_bench", proxy),
        Target("tollhouse", data, key, gateway),
    ]


async def measure(target: Target, connections: int) -> tuple[Load, float]:
    """The load's figures, and the microseconds of CPU that the target's process spent on each answer."""
    request = request_bytes(HOST, PATH, target.key, BODY)
    await load(HOST, target.port, request, connections, 1.0)
    before = cpu_seconds(target.process)
    measured = await load(HOST, target.port, request, connections, SECONDS)
    return measured, (cpu_seconds(target.process) - before) / measured.answers * 1e6


def main() -> None:
    memory = Path("/dev/shm")
    base = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="tollhouse-bench-", dir=base) as directory, ExitStack() as stack:
        print(f"{'':22}{'connections':>12}{'answers/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}")
        for target in targets(stack, Path(directory)):
            for connections in CONCURRENCY:
                found, cpu = asyncio.run(measure(target, connections))
                figures = f"{found.per_second:>11.0f}{found.p50_ms:>9.2f}{found.p99_ms:>9.2f}{cpu:>9.0f}"
                print(f"{target.name:22}{connections:>12}{figures}", flush=True)


if __name__ == "__main__":
    main()
