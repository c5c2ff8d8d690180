"""Every test of this package meets SQLite, and a real PostgreSQL where one is asked for (`make test-all`)."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from tests.adapters.sql.databases import Reader, emptied, sqlite
from tests.rigs.postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.system)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield sqlite(tmp_path)
        return
    with emptied(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
async def archive(database: str) -> AsyncIterator[SqlArchive]:
    opened = SqlArchive(open_engine(database), "the-ledger")
    yield opened
    await opened.close()


@pytest.fixture
def reader(database: str, archive: SqlArchive) -> Iterator[Reader]:
    opened = Reader(database)
    yield opened
    opened.close()
