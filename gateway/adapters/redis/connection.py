"""The connection to the store: scripts and short commands, on one shared line, never repeated by themselves.

A call that got no answer may have run; only the scripts, which are idempotent by hold id and state, make it safe to
ask again, and whoever asks again decides that. StoreRefused is the proof that a call did not run.
"""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from importlib import resources
from typing import Any, TypeAlias

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from gateway.adapters.redis.address import Address
from gateway.adapters.redis.line import PATIENCE_S, Caller
from gateway.adapters.redis.switchboard import Speak, Switchboard
from gateway.adapters.redis.words import Argument as Argument
from gateway.adapters.redis.words import Words, pack

# Operation, seconds, whether it failed.
Observe: TypeAlias = Callable[[str, float, bool], None]

# `Store.command`, on one certain connection.
Command: TypeAlias = Callable[..., Awaitable[Any]]


class Script:
    """A Lua script of this package, by the name of its file. It may call what the shared files that it `uses` define.

    Its last argument is the tag of its call, which the script itself never sees; its reply comes behind that tag.
    """

    def __init__(self, name: str, *uses: str) -> None:
        self.name = name
        self.text = naming_its_call(_source(name), *(_source(f"shared/{used}") for used in uses))
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()

    @cached_property
    def by_name(self) -> Words:
        """How a store is asked that knows the script."""
        return pack("EVALSHA", self.sha)


def _source(name: str) -> bytes:
    return (resources.files(__package__) / "lua" / f"{name}.lua").read_bytes()


def naming_its_call(text: bytes, *used: bytes) -> bytes:
    """The script behind what it uses, made to answer with its last argument and then its reply.

    The lines of one that uses nothing keep their numbers.
    """
    flags, _, body = text.partition(b"\n")
    before = b"local tag = table.remove(ARGV) " + b"".join(used)
    return b"%b\n%blocal function script() %b\nend return {tag, script()}" % (flags, before, body)


class Store:
    """One store. Use it in one event loop, and `close` it there.

    `greet`, if set, speaks first on every new connection; where it raises StoreUnavailable, the connection is given up
    and so are the calls that wait for it. `url` may hold a password. `client` is for what is long or rare: scans,
    administration, tests.
    """

    def __init__(self, url: str, client: redis.Redis, observe: Observe, prefix: bytes) -> None:
        self.url = url
        self.client = client
        self.greet: Callable[[Command], Awaitable[None]] | None = None
        self._observe = observe
        self._board = Switchboard(Address(client.connection_pool), self._greeting, prefix)
        self._readers: dict[Any, Callable[[Any], Any]] = dict(client.response_callbacks)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._board.loop

    async def close(self) -> None:
        await self._board.close()
        await self.client.aclose()

    async def run(self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument]) -> list[Any]:
        """Run a script. Its reply is a list of integers and byte strings. Raises StoreUnavailable."""
        answer: asyncio.Future[list[Any]] = self._board.loop.create_future()
        self.start(script, answer, len(keys), pack(*keys, *arguments))
        self._board.write_soon()
        return await answer

    def start(self, script: Script, caller: Caller, keys: int, *words: Words) -> None:
        """Run a script, of whose words the first are so many keys. The caller hears its reply, or StoreUnavailable.

        It leaves with the next `write`.
        """
        _Run(self._board, script, caller, (pack(keys), *words), self._observe).ask(script.by_name)

    def write(self) -> None:
        """Send what was asked, now."""
        self._board.write()

    async def command(self, name: str, *words: Argument) -> Any:
        """One short command, together with all that this tick asks. Raises StoreUnavailable, or NoScriptError.

        A caller that goes away leaves its answer unread and the connection as it was. Raises UnicodeEncodeError for
        text that has no bytes: here, where it fails its own caller, and nobody else.
        """
        deadline = self._board.loop.time() + PATIENCE_S
        return self._read(name, await self._board.ask(_split(name, words), deadline))

    async def _greeting(self, speak: Speak) -> None:
        async def command(name: str, *words: Argument) -> Any:
            return self._read(name, await speak(_split(name, words)))

        if self.greet is not None:
            await self.greet(command)

    def _read(self, name: str, reply: Any) -> Any:
        """A reply as redis-py reads it: that of INFO as a mapping, for example. Most are left as they are."""
        reader = self._readers.get(name)
        return reply if reader is None else reader(reply)


class _Run:
    """A script that was asked for, and who wants to know what came of it."""

    __slots__ = ("_board", "_caller", "_deadline", "_observe", "_script", "_started", "_told", "_words")

    def __init__(
        self, board: Switchboard, script: Script, caller: Caller, words: tuple[Words, ...], observe: Observe
    ) -> None:
        self._board = board
        self._script = script
        self._caller = caller
        self._words = words
        self._observe = observe
        self._told = False
        self._started = board.loop.time()
        self._deadline = self._started + PATIENCE_S

    def ask(self, script: Words) -> None:
        self._board.run(self, self._deadline, script, *self._words)

    def done(self) -> bool:
        return self._caller.done()

    def set_result(self, reply: Any) -> None:
        self._observe(self._script.name, self._board.loop.time() - self._started, False)
        self._caller.set_result(reply)

    def set_exception(self, error: BaseException) -> None:
        if isinstance(error, NoScriptError) and not self._told:
            # Proof that nothing ran: the store forgot its scripts (a restart does that). So asking again is safe.
            self._told = True
            self.ask(pack("EVAL", self._script.text))
            self._board.write_soon()
            return
        self._observe(self._script.name, self._board.loop.time() - self._started, True)
        self._caller.set_exception(error)


def _split(name: str, words: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """Some commands have a name of two words."""
    return (name, *words) if " " not in name else (*name.split(), *words)


def _unobserved(_operation: str, _seconds: float, _failed: bool) -> None:
    """For whoever does not count store calls."""


def connect(url: str, observe: Observe = _unobserved, draw: Callable[[int], bytes] = os.urandom) -> Store:
    """A store at `redis://`, `rediss://` or `unix://`; nothing is sent before the first call. Raises ValueError.

    The library's own retries are off: it would repeat what got no reply, ten times. `draw` is a source of randomness.
    """
    client: redis.Redis = redis.Redis.from_url(
        url,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=PATIENCE_S,
        socket_connect_timeout=PATIENCE_S,
    )
    return Store(url, client, observe, draw(8))
