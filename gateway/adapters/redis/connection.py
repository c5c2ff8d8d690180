"""The connection to the store: scripts and short reads, batched per event-loop tick, never repeated by themselves.

All calls that one tick of the event loop makes travel in one pipeline: one write, one read, one pass through the
client library, which is most of what a call costs. A call that got no answer may have run; only the scripts, which
are idempotent by hold id and state, make it safe to ask again, and whoever asks again decides that.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final, TypeAlias

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from gateway.ports import StoreUnavailable

Argument: TypeAlias = str | bytes | int

_TIMEOUT_S: Final = 1.5
_BATCHES_UNDER_WAY: Final = 4

# Operation, seconds, whether it failed.
Observe: TypeAlias = Callable[[str, float, bool], None]

# Awaited on each new connection before anything else passes; `command` sends straight on it. Raises to reject it.
Greet: TypeAlias = Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]

_Call: TypeAlias = "tuple[tuple[Argument, ...], asyncio.Future[Any]]"


class Script:
    """A Lua script of this package, by the name of its file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (resources.files(__package__) / "lua" / f"{name}.lua").read_bytes()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()


class Store:
    """One store. Create it inside the running event loop; `close` it there."""

    def __init__(self, client: redis.Redis, observe: Observe) -> None:
        self.client = client
        self.greet: Greet | None = None
        self._observe = observe
        self._waiting: list[_Call] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await self.client.aclose()

    async def run(self, script: Script, keys: list[str], arguments: list[Argument]) -> list[Any]:
        """Run a script. Its reply is a list of integers and byte strings. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            reply = await self._evaluate(script, (len(keys), *keys, *arguments))
        except StoreUnavailable:
            self._observe(script.name, loop.time() - started, True)
            raise
        self._observe(script.name, loop.time() - started, False)
        return list(reply)

    async def _evaluate(self, script: Script, call: tuple[Argument, ...]) -> Any:
        try:
            return await self.command("EVALSHA", script.sha, *call)
        except NoScriptError:
            # Proof that nothing ran: the store forgot its scripts (a restart does that), so sending it again is safe.
            return await self.command("EVAL", script.text, *call)

    async def command(self, *arguments: Argument) -> Any:
        """One short command in this tick's batch. Raises StoreUnavailable, or NoScriptError.

        A caller that goes away leaves its answer unread and the connection as it was. Raises UnicodeEncodeError for
        text that has no bytes: here, where it fails its own caller, and not a whole batch.
        """
        words = (word if isinstance(word, bytes) else str(word).encode() for word in arguments[1:])
        call = (arguments[0], *words)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((call, answer))
        return await answer

    def _flush(self) -> None:
        if not self._waiting or len(self._under_way) >= _BATCHES_UNDER_WAY:
            return
        batch, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._send(batch))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._flush()

    async def _send(self, batch: list[_Call]) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for arguments, _ in batch:
            pipeline.execute_command(*arguments)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                replies = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            # Those still waiting for a place would wait as long again for the same answer.
            batch, self._waiting = batch + self._waiting, []
            replies = [error] * len(batch)
        for (_, answer), reply in zip(batch, replies, strict=True):
            _settle(answer, reply)


def _settle(answer: asyncio.Future[Any], reply: Any) -> None:
    if answer.cancelled():
        return
    if isinstance(reply, NoScriptError):
        answer.set_exception(reply)
    elif isinstance(reply, Exception):
        answer.set_exception(StoreUnavailable(f"{type(reply).__name__}: {reply}"))
    else:
        answer.set_result(reply)


def _unobserved(_operation: str, _seconds: float, _failed: bool) -> None:
    """For whoever does not count store calls."""


def connect(url: str, observe: Observe = _unobserved) -> Store:
    """A store at `redis://`, `rediss://` or `unix://`; nothing is sent before the first call.

    The library's own retries are off: it would repeat a script whose reply was lost, ten times.
    """
    client: redis.Redis = redis.Redis.from_url(
        url,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
    )
    return Store(client, observe)
