"""Fixtures for all tests: a real store."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from gateway.adapters import exporter
from gateway.adapters.redis.connection import Store, connect
from tests.skips import pytest_make_collect_report as pytest_make_collect_report
from tests.skips import pytest_runtest_makereport as pytest_runtest_makereport
from tests.store import leaks, running_store

# A busy machine is no fault of the code: nothing here fails for being slow, short of a hang.
settings.register_profile("tollhouse", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tollhouse")


@pytest.fixture(autouse=True)
def no_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process for each of the many gateways of a test run would be most of its work; who needs one, starts it."""
    monkeypatch.setattr(exporter, "DELAY_S", 600.0)


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """A store that all tests of this process share. Use `store`, which is emptied first."""
    with running_store() as url:
        yield url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store. Afterwards every key in it must be one that we declared, and expire if and only if it should."""
    connection = connect(store_url)
    await connection.client.flushall()
    try:
        yield connection
        assert await leaks(connection) == []
    finally:
        await connection.close()
