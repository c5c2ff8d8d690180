"""The exporter's process under a gateway: what it says is heard, and it is there again when it was killed."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters import exporter
from gateway.adapters.exporter import ExporterProcess, Orders
from gateway.adapters.redis.connection import Store
from gateway.core.acceptance import Witness
from gateway.service.background import keep
from tests.service.exporting import Exporting, exporting
from tests.walkthrough.house import until

NOWHERE = "postgresql://toll:hunter2@127.0.0.1:1/ledger"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "DELAY_S", 0.0)


@pytest.fixture
async def it(store: Store, tmp_path: Path) -> AsyncIterator[Exporting]:
    async with exporting(store, tmp_path) as made:
        yield made


@asynccontextmanager
async def kept(store: Store, database: str, learnt: list[Witness]) -> AsyncIterator[ExporterProcess]:
    """A process as a gateway keeps it."""
    process = ExporterProcess(Orders(store.url, database, "g1", "the-ledger"), learnt.append)
    running = asyncio.create_task(keep("export", process))
    try:
        yield process
    finally:
        running.cancel()
        await asyncio.wait([running])


def lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_exports_says_how_far_and_is_there_again_after_kill_9(it: Exporting, store: Store) -> None:
    learnt: list[Witness] = []

    async def exported() -> bool:
        return len(it.reader.entries()) == len(await it.numbers())

    async def another() -> bool:
        return process.process_id not in (None, first)

    await it.sell(3)
    async with kept(store, it.url, learnt) as process:
        await until(exported)
        first = process.process_id
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await it.sell(300)
        await until(another)
        await until(exported)

        async def learned() -> bool:
            return learnt[-1] == Witness("e1", 606, "h303")

        await until(learned)
        second = process.process_id
        assert second is not None
        assert lives(second)
    assert [seq for _, seq, _, _ in it.reader.entries()] == list(range(1, 607))
    assert not lives(second)


async def test_its_trouble_and_its_log_are_ours_and_hold_no_secret(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await store.command("HSET", "{toll}:store", "epoch", "e1", "organization", "acme")
    async with kept(store, NOWHERE, []) as process:

        async def troubled() -> bool:
            return process.trouble is not None

        await until(troubled)
        assert process.trouble is not None
        assert process.trouble.startswith("the database does not answer: ")
        assert "the SQL ledger does not answer, and entries wait in the store" in caplog.text
        assert "hunter2" not in caplog.text + process.trouble + repr(process._orders)
