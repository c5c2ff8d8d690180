"""A store is begun by an operator's word: only an empty one, and only with policies that compile."""

from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, identity, initialise
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.history import Kept, Memory
from gateway.settings import Settings
from gateway.wiring import CannotStart, init_store, open_gateway
from gateway.wiring.store import open_keepsake
from tests.adapters.redis.snapshot import snapshot
from tests.walkthrough.policies import budget, organization, team
from tests.wiring.starting import settings


@pytest.fixture
def shared(tmp_path: Path, store_url: str) -> Settings:
    """Settings of a store that others share, and that no start may begin."""
    return settings(tmp_path, team(budget("1.00")), redis_url=store_url, pepper="pepper", admin_key="key")


async def test_an_empty_store_gets_an_epoch_and_the_policies(store: Store, shared: Settings, tmp_path: Path) -> None:
    done = await init_store(shared)
    assert await identity(store) == Identity(done.epoch, "acme")
    assert done.epoch.endswith(".1")
    assert len(done.epoch) == 18
    assert await RedisPolicies(store).live_version() == done.version
    assert (done.organization, done.teams, done.forgotten) == ("acme", ("video",), None)
    assert done.policies == tmp_path / "policies"


async def test_every_store_has_a_lineage_of_its_own(store: Store, shared: Settings) -> None:
    first = await init_store(shared)
    await store.command("FLUSHALL")
    assert (await init_store(shared)).epoch != first.epoch


async def test_a_store_that_is_in_use_is_left_alone(store: Store, shared: Settings) -> None:
    done = await init_store(shared)
    before = await snapshot(store)
    with pytest.raises(CannotStart, match=rf'it serves the organization "acme" in epoch {done.epoch}'):
        await init_store(shared)
    assert await snapshot(store) == before


async def test_a_store_of_another_organization(store: Store, shared: Settings) -> None:
    await initialise(store, Identity("e1.1", "initech"))
    with pytest.raises(CannotStart, match='serves the organization "initech"'):
        await init_store(shared)


async def test_what_is_left_of_a_store(store: Store, shared: Settings) -> None:
    await store.command("HSET", keys.account("team:red:spend:usd:2026-11"), "posted", 5)
    with pytest.raises(CannotStart, match=r"no epoch, and yet \{toll\}:account:team:red:spend"):
        await init_store(shared)
    assert await identity(store) is None


async def test_an_attempt_that_was_cut_off_is_ended_by_the_next(store: Store, shared: Settings) -> None:
    await initialise(store, Identity("e1.1", "acme"))
    done = await init_store(shared)
    assert done.epoch == "e1.1"
    assert await RedisPolicies(store).live_version() == done.version


async def test_mistakes_in_the_policies_change_nothing(tmp_path: Path, store: Store, store_url: str) -> None:
    broken = settings(tmp_path, organization(zone="Mars/Olympus"), team(), redis_url=store_url)
    with pytest.raises(CannotStart, match="zone"):
        await init_store(broken)
    assert await store.command("DBSIZE") == 0


async def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="the store cannot be used"):
        await init_store(settings(tmp_path, team(), redis_url="unix:///nowhere/store.sock"))


async def test_an_embedded_store_is_begun_while_no_gateway_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.redis.embedded._LOCK_WAIT_S", 0.1)
    mine = settings(tmp_path, team(budget("1.00"), slug="demo"))
    done = await init_store(mine)
    async with open_gateway(mine) as gateway:
        assert gateway.closed is None
        with pytest.raises(CannotStart, match="another process is using the data directory"):
            await init_store(mine)
    assert open_keepsake(mine, None)[1] == Kept("acme", Memory(done.epoch))
    with pytest.raises(CannotStart, match="the store is not empty"):
        await init_store(mine)


async def test_what_is_given_up_is_told(tmp_path: Path, store: Store, shared: Settings) -> None:
    shared.data_dir.mkdir()
    await open_keepsake(shared, None)[0].write(Kept("acme", Memory("3f9a.4", 120, None, 120)))
    assert (await init_store(shared)).forgotten == "3f9a.4"
