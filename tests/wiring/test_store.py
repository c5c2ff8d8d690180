"""The store at a start: fresh, known, somebody else's, or broken."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, identity, initialise
from gateway.adapters.system import SystemEntropy
from gateway.core.acceptance import Witness
from gateway.core.history import Kept, Memory
from gateway.ports import StoreUnavailable
from gateway.wiring import CannotStart, packaged_policies
from gateway.wiring.store import identify, open_desk, open_keepsake, open_store
from tests.walkthrough.policies import budget, organization, team
from tests.wiring.starting import settings

SHARED = {"redis_url": "redis://127.0.0.1:1", "pepper": "pepper", "admin_key": "key"}
ENTROPY = SystemEntropy()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def test_an_empty_store_of_our_own_becomes_ours_and_gets_the_policies(tmp_path: Path, store: Store) -> None:
    mine = settings(tmp_path, team())
    ours = await identify(store, mine, ENTROPY, None)
    assert ours.organization == "acme"
    assert await identity(store) == ours
    assert await identify(store, mine, ENTROPY, None) == ours
    desk = await open_desk(store, ours, mine)
    assert desk.current is not None
    assert set(desk.current.policies.teams) == {"video"}


async def test_an_empty_store_that_others_share_is_left_empty(tmp_path: Path, store: Store) -> None:
    with pytest.raises(CannotStart, match="TOLLHOUSE_STORE_INIT=auto"):
        await identify(store, settings(tmp_path, team(), **SHARED), ENTROPY, None)
    assert await identity(store) is None
    allowed = settings(tmp_path, **SHARED, store_init="auto")
    assert (await identify(store, allowed, ENTROPY, None)).organization == "acme"


KEPT = Kept("acme", Memory("3f9a.2", 120, None, 120))


async def test_whoever_has_used_a_store_makes_no_fresh_one_of_an_empty_one(tmp_path: Path, store: Store) -> None:
    with pytest.raises(CannotStart, match=r"epoch 3f9a\.2, 120 entries.*tollhouse store init"):
        await identify(store, settings(tmp_path, team(), store_init="auto"), ENTROPY, KEPT)
    assert await identity(store) is None


async def test_a_data_directory_of_another_organization(tmp_path: Path, store: Store) -> None:
    await initialise(store, Identity("e1.1", "initech"))
    with pytest.raises(CannotStart, match='one of the organization "acme", and the store serves "initech"'):
        await identify(store, settings(tmp_path, team()), ENTROPY, KEPT)


async def test_what_a_data_directory_remembers(tmp_path: Path) -> None:
    mine = settings(tmp_path, team())
    mine.data_dir.mkdir()
    keepsake, kept = open_keepsake(mine, None)
    assert kept is None
    await keepsake.write(KEPT)
    assert open_keepsake(mine, None)[1] == KEPT
    later = Witness("3f9a.2", 121, "h121")
    assert open_keepsake(mine, later)[1] == Kept("acme", Memory("3f9a.2", 121, later, 121))
    (mine.data_dir / "witness.json").unlink()
    assert open_keepsake(mine, later)[1] == Kept(None, Memory("3f9a.2", 121, later, 121))
    (mine.data_dir / "witness.json").write_text("{")
    with pytest.raises(CannotStart, match="remove the file and start again"):
        open_keepsake(mine, None)


async def test_a_store_without_policies_gets_none_where_that_is_not_wanted(tmp_path: Path, store: Store) -> None:
    ours = await identify(store, settings(tmp_path, team()), ENTROPY, None)
    with pytest.raises(CannotStart, match="no policies are live; run: tollhouse store init"):
        await open_desk(store, ours, settings(tmp_path, store_init="never"))


async def test_live_policies_stay_and_a_directory_that_differs_is_told(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    mine = settings(tmp_path, team(budget("1.00")))
    ours = await identify(store, mine, ENTROPY, None)
    first = await open_desk(store, ours, mine)
    assert caplog.messages == []

    settings(tmp_path, team(budget("9.00")))
    second = await open_desk(store, ours, mine)
    assert first.current == second.current
    [line] = caplog.messages
    assert str(tmp_path / "policies") in line
    assert "differ from the live version" in line


async def test_every_mistake_in_the_policies_is_told(tmp_path: Path, store: Store) -> None:
    broken = settings(tmp_path, organization(zone="Mars/Olympus"), team(budget("many")))
    with pytest.raises(CannotStart) as refused:
        await identify(store, broken, ENTROPY, None)
    sentences = str(refused.value).splitlines()
    assert any(line.startswith(f"{tmp_path}/policies/organization.toml: zone: ") for line in sentences)
    assert any(line.startswith(f"{tmp_path}/policies/teams/video.toml: limit[0].ceiling: ") for line in sentences)
    assert await identity(store) is None


async def test_the_policies_of_another_organization_do_not_become_live(tmp_path: Path, store: Store) -> None:
    theirs = Identity("epoch-1", "initech")
    with pytest.raises(CannotStart, match='the policies are those of "acme", the store serves "initech"'):
        await open_desk(store, theirs, settings(tmp_path, team()))


async def test_live_policies_that_this_version_cannot_use(tmp_path: Path, store: Store) -> None:
    mine = settings(tmp_path, team())
    ours = await identify(store, mine, ENTROPY, None)
    await store.command("SET", keys.policy("newer"), '{"organization.toml": "schema = 2"}')
    await store.command("SET", keys.POLICY, "newer")
    with pytest.raises(
        CannotStart, match=r"the live policy version newer has mistakes, .* run: tollhouse policy apply"
    ):
        await open_desk(store, ours, mine)
    assert await store.command("GET", keys.POLICY) == b"newer"


async def test_a_store_that_lost_its_epoch_is_not_started_anew(tmp_path: Path, store: Store) -> None:
    await store.command("XADD", keys.ENTRIES, "1-0", "kind", "hold")
    with pytest.raises(StoreUnavailable, match="it lost part of what it knew"):
        await identify(store, settings(tmp_path, team()), ENTROPY, None)
    assert await identity(store) is None


async def test_stores_that_are_not_there(tmp_path: Path, stack: AsyncExitStack) -> None:
    calls: list[tuple[str, bool]] = []
    elsewhere = await open_store(
        stack, settings(tmp_path, **SHARED), lambda operation, _seconds, failed: calls.append((operation, failed))
    )
    with pytest.raises(StoreUnavailable):
        await identify(elsewhere, settings(tmp_path, **SHARED), ENTROPY, None)
    malformed = settings(tmp_path, **{**SHARED, "redis_url": "redis://:hunter2@host:port"})
    with pytest.raises(CannotStart, match=r"^TOLLHOUSE_REDIS_URL: ") as refused:
        await open_store(stack, malformed, lambda *_: None)
    assert "hunter2" not in str(refused.value)


def test_the_policies_that_came_with_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = packaged_policies()
    assert (shipped / "organization.toml").is_file()
    assert list((shipped / "prices").glob("*.toml")) != []
    (tmp_path / "policies").mkdir()
    assert packaged_policies() == Path("policies")
