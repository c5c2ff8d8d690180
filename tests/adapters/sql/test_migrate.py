"""The tables are made once, are what the program writes, and are left alone when they are newer than it."""

import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.adapters.sql.migrate import VERSION_TABLE, SchemaTooNew, migrate
from gateway.adapters.sql.schema import METADATA
from gateway.ports import ArchiveRefused


def test_the_migrations_make_the_tables_that_the_program_writes(database: str) -> None:
    engine = open_engine(database)
    migrate(engine)
    migrate(engine)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


async def test_several_that_start_at_once_make_them_once(database: str) -> None:
    archives = [SqlArchive(open_engine(database), f"ledger-{number}") for number in range(4)]
    found = await asyncio.gather(*(archive.look() for archive in archives))
    assert len({one.ledger for one in found}) == 1
    for archive in archives:
        await archive.close()


async def test_tables_that_are_newer_are_left_alone(database: str) -> None:
    engine = open_engine(database)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="version 9999, which are newer than this program"):
        migrate(engine)
    archive = SqlArchive(engine, "x")
    with pytest.raises(ArchiveRefused, match="version 9999"):
        await archive.look()
    await archive.close()
