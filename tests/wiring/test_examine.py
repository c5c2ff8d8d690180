"""What can be seen of a gateway that does not answer, without changing anything."""

import fcntl
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.core.diagnosis import Diagnosis
from gateway.core.history import Kept, Memory
from gateway.settings import Settings
from gateway.wiring import examine, open_gateway
from gateway.wiring.store import open_keepsake
from tests.adapters.redis.holds import open_ledger
from tests.adapters.redis.snapshot import snapshot
from tests.store import running_store
from tests.walkthrough.policies import budget, team
from tests.wiring.starting import settings

SAID = "The control plane does not answer."


def checks(found: Diagnosis) -> list[str]:
    assert (found.findings[0].check, found.findings[0].sentence) == ("gateway", SAID)
    return [finding.check for finding in found.findings[1:]]


async def remembers(known: Settings, memory: Memory) -> None:
    known.data_dir.mkdir()
    await open_keepsake(known, None)[0].write(Kept("acme", memory))


async def test_where_nothing_ever_ran(tmp_path: Path) -> None:
    known = settings(tmp_path, team())
    found = await examine(known, SAID)
    assert checks(found) == []
    assert "tollhouse serve" in found.findings[0].step
    assert found.state == (f"The data directory is {known.data_dir}, and is not there.",)
    assert not known.data_dir.exists()


async def test_a_gateway_that_was_stopped(tmp_path: Path) -> None:
    known = settings(tmp_path, team(budget("1.00"), slug="demo"))
    async with open_gateway(known):
        running = await examine(known, SAID)
    assert "A process is using the data directory" in running.findings[0].step
    stopped = await examine(known, SAID)
    assert checks(stopped) == []
    assert "tollhouse serve" in stopped.findings[0].step
    assert any("remembers a store in epoch" in line for line in stopped.state)
    # A look holds nothing up.
    with (known.data_dir / "spool" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_an_embedded_store_that_was_thrown_away(tmp_path: Path) -> None:
    known = settings(tmp_path, team())
    await remembers(known, Memory("3f9a.1", 7, None, 7))
    found = await examine(known, SAID)
    assert checks(found) == ["epoch"]
    assert "tollhouse store init" in found.findings[1].step


async def test_a_memory_that_cannot_be_read(tmp_path: Path) -> None:
    known = settings(tmp_path, team())
    known.data_dir.mkdir()
    (known.data_dir / "witness.json").write_text("{")
    assert checks(await examine(known, SAID)) == ["witness"]


@pytest.mark.parametrize("url", ["unix:///nowhere/store.sock", "redis://:hunter2@127.0.0.1:1", "redis://:hunter2@a:b"])
async def test_a_store_that_is_not_there(tmp_path: Path, url: str) -> None:
    found = await examine(settings(tmp_path, team(), redis_url=url), SAID)
    assert checks(found) == ["store"]
    assert "hunter2" not in str(found)


async def test_a_shared_store_that_is_sound(tmp_path: Path, store: Store, store_url: str) -> None:
    await open_ledger(store)
    known = settings(tmp_path, team(), redis_url=store_url)
    before = await snapshot(store)
    assert checks(await examine(known, SAID)) == []
    await remembers(known, Memory("e1"))
    assert checks(await examine(known, SAID)) == []
    assert await snapshot(store) == before


async def test_a_shared_store_that_is_not(tmp_path: Path, store: Store, store_url: str) -> None:
    known = settings(tmp_path, team(), redis_url=store_url)
    assert checks(await examine(known, SAID)) == ["epoch"]
    await open_ledger(store)
    await remembers(known, Memory("e1", 7, None, 7))
    assert checks(await examine(known, SAID)) == ["thawed"]
    await store.command("HSET", keys.STORE, "organization", "initech", "seq", "7")
    assert checks(await examine(known, SAID)) == ["organization"]


async def test_a_replica_of_which_no_more_is_known(tmp_path: Path) -> None:
    with running_store() as url:
        own = connect(url)
        await own.command("REPLICAOF", "127.0.0.1", 1)
        await own.close()
        assert checks(await examine(settings(tmp_path, team(), redis_url=url), SAID)) == ["primary"]
