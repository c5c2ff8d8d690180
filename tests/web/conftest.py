"""A control plane with one team, for tests of its routes."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.redis.connection import Store
from tests.control import RunningControl, running_control
from tests.doubles import policy_files


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    """Team `video` is live."""
    async with running_control(store) as plane:
        await plane.control.desk.publish(policy_files("video"), ())
        yield plane
