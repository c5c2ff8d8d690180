"""A gateway of the benchmark: `tollhouse serve` as a process, with a store, policies and keys of its own."""

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.policies import LIMITS, write_policies
from bench.processes import (
    HOST,
    MEASURED,
    PYTHON,
    DidNotStart,
    child_of,
    free_port,
    listens,
    move_elsewhere,
    running,
)
from bench.store import BenchStore, running_store
from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint

PEPPER: Final = "1:" + hashlib.sha256(b"bench").hexdigest()
ADMIN_KEY: Final = mint(Kind.ADMIN, (hashlib.sha512(b"bench").digest() * 2)[:ENTROPY_BYTES])

_EXPORTS_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class House:
    """A running gateway: where it listens, its process, its exporter's and its store, and how long it took to start."""

    port: int
    control: int
    process: int
    exporter: int
    store: BenchStore
    started_s: float

    def issue_key(self, team: str) -> str:
        """A new key, as an operator gets it."""
        made: str = self.ask(self.control, "POST", "/admin/v1/keys", ADMIN_KEY, {"team": team, "name": "bench"})["key"]
        return made

    def limits(self, key: str) -> dict[str, Any]:
        """What stands on each limit of a key's team, as the key holder sees it."""
        return {row["name"]: row for row in self.ask(self.port, "GET", "/tollhouse/v1/me", key)["limits"]}

    def ask(self, port: int, method: str, path: str, key: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = connection.getresponse()
        document = json.load(reply)
        if reply.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {reply.status} {document}")
        return document


@contextmanager
def open_house(directory: Path, upstream: int, teams: int = 1, limits: int = LIMITS) -> Iterator[House]:
    """Run a gateway on the measured core, its store and its exporter elsewhere."""
    directory.mkdir()
    write_policies(directory / "policies", teams, limits)
    port, control = free_port(), free_port()
    with running_store(directory / "store") as store:
        settings = {
            "PIXELBYTE_API_KEY": "pb_bench",
            "TOLLHOUSE_UPSTREAM_URL": f"http://{HOST}:{upstream}",
            "TOLLHOUSE_REDIS_URL": store.url,
            "TOLLHOUSE_STORE_INIT": "auto",
            "TOLLHOUSE_PEPPER": PEPPER,
            "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY,
            "TOLLHOUSE_DATA_DIR": str(directory / "data"),
            "TOLLHOUSE_POLICIES": str(directory / "policies"),
            "TOLLHOUSE_LISTEN": f"{HOST}:{port}",
            "TOLLHOUSE_CONTROL_LISTEN": f"{HOST}:{control}",
            "TOLLHOUSE_LOG_FORMAT": "json",
        }
        command, log, began = [PYTHON, "-m", "gateway", "serve"], directory / "log", time.monotonic()
        with running(command, log, MEASURED, listens(port), settings) as process:
            started_s = time.monotonic() - began
            yield House(port, control, process, _exporter_of(process), store, started_s)


def _exporter_of(process: int) -> int:
    """A gateway's exporter, on the core where it belongs. Raises DidNotStart."""
    until = time.monotonic() + _EXPORTS_S
    while (exporter := child_of(process, "gateway.exporter")) is None:
        if time.monotonic() > until:
            raise DidNotStart("the gateway has no exporter")
        time.sleep(0.05)
    move_elsewhere(exporter)
    return exporter
