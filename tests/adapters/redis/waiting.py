"""Waiting for what must come soon, with a deadline; and which process a store is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.adapters.redis.connection import Store
from gateway.ports import StoreUnavailable

_LONGEST_S = 20.0
_POLL_S = 0.01

T = TypeVar("T")


async def until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + _LONGEST_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(_POLL_S)


async def until_it_answers(ask: Callable[[], Awaitable[T]]) -> T:
    """What the store says as soon as it says something."""
    async with asyncio.timeout(_LONGEST_S):
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                await asyncio.sleep(_POLL_S)


async def process_of(store: Store) -> int:
    pid: int = (await store.command("INFO", "server"))["process_id"]
    return pid
