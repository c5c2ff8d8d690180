from collections.abc import AsyncIterator

import pytest

from tests.sandbox.visit import Visit, visiting


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """A client at a sandbox with the ordinary configuration."""
    async with visiting() as opened:
        yield opened
