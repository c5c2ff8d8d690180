"""A ledger in an empty store, ready for business; and the event loops that the connection must work in."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from tests.adapters.redis.holds import open_ledger


@pytest.fixture
async def ledger(store: Store) -> RedisLedger:
    """Epoch `e1`, policy `p1` and key `k1` at revision 1; clocks may differ by half a day."""
    return await open_ledger(store)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A module that says `EVERY_LOOP = True` is run in each of them."""
    if getattr(getattr(item, "module", None), "EVERY_LOOP", False):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
