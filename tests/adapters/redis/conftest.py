"""A ledger in an empty store, ready for business."""

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from tests.adapters.redis.holds import open_ledger


@pytest.fixture
async def ledger(store: Store) -> RedisLedger:
    """Epoch `e1`, policy `p1` and key `k1` at revision 1; clocks may differ by half a day."""
    return await open_ledger(store)
