"""The SQL ledger at start: opened, made ready, and asked what it knows of the store's history."""

import logging
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.stream import RedisStream
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.drift import SqlDrift
from gateway.adapters.sql.engine import open_engine, open_reader, sqlite_url
from gateway.adapters.system import SystemEntropy
from gateway.core.export import Lease, remembered
from gateway.core.history import Kept
from gateway.ports import ArchiveRefused, ArchiveUnavailable
from gateway.settings import Settings
from gateway.wiring.trouble import CannotStart

_LOG: Final = logging.getLogger("tollhouse.start")
LEDGER_FILE: Final = "ledger.db"


async def open_archive(
    stack: AsyncExitStack, settings: Settings, entropy: SystemEntropy
) -> tuple[SqlArchive, Lease | None]:
    """The SQL ledger of the settings, and how far it is. Raises CannotStart.

    One that does not answer now is waited for later: until then entries wait in the store.
    """
    try:
        archive = SqlArchive(open_engine(database_url(settings)), entropy.token(8).hex())
    except ValueError as error:
        raise CannotStart(f"TOLLHOUSE_DATABASE_URL: {error}") from None
    stack.push_async_callback(archive.close)
    try:
        return archive, await archive.look()
    except ArchiveRefused as error:
        raise CannotStart(str(error)) from None
    except ArchiveUnavailable as error:
        _LOG.error("the SQL ledger does not answer, and entries wait in the store: %s", error)
        return archive, None


def open_drifts(stack: AsyncExitStack, settings: Settings) -> SqlDrift:
    """What the ledger, which is open, has of charges: asked beside it, so that a long answer keeps nobody waiting."""
    engine = open_reader(database_url(settings))
    stack.callback(engine.dispose)
    return SqlDrift(engine)


def database_url(settings: Settings) -> str:
    """The address of the SQL ledger, with its password."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    path = settings.data_dir.absolute() / LEDGER_FILE
    # SQLite makes its other files like this one.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return sqlite_url(path)


async def recall(ledger: Lease | None, store: Store, kept: Kept | None) -> Kept | None:
    """What is known of the store's history, with what the SQL ledger knows. Raises CannotStart, StoreUnavailable.

    A ledger of another store is no witness of this one.
    """
    if ledger is None or ledger.cursor is None:
        return kept
    side = await RedisStream(store).state()
    if side is not None and ledger.organization not in (None, side.organization):
        raise CannotStart(
            f'the SQL ledger is that of the organization "{ledger.organization}", '
            f'and the store serves "{side.organization}"'
        )
    if side is not None and side.ledger not in (None, ledger.ledger):
        return kept
    memory = remembered(ledger.cursor, kept.memory if kept else None)
    if memory is None:
        return kept
    return replace(kept, memory=memory) if kept else Kept(ledger.organization, memory)
