"""A watched directory: what is good becomes live, what is bad changes nothing and is said once, in every form."""

import asyncio
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.policy_files import load, read_directory
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.policy_version import version_of
from gateway.service.audit_trail import AuditTrail
from gateway.service.policy_desk import Files, PolicyDesk
from gateway.service.policy_watch import PolicyWatch, Seen
from tests.adapters.redis.holds import open_ledger
from tests.doubles import SIGNED, SeededEntropy, StillClock
from tests.policy_directories import directories
from tests.walkthrough.policies import budget, team, whole, write

VIDEO = whole(team(budget("5.00")))
MORE = whole(team(budget("6.00")))
BOTH = whole(team(budget("5.00")), team(budget("1.00"), slug="audio"))
RENAMED = whole(team(budget("5.00", "another")))
BAD = {**VIDEO, "teams/video.toml": "team = "}
FOREIGN = {**VIDEO, "organization.toml": VIDEO["organization.toml"].replace("acme", "umbrella")}


class Mount:
    """What stands in the directory now."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def __call__(self) -> Seen:
        return Seen(self.files, ())


async def watching(store: Store, live: Files, mount: Mount) -> tuple[PolicyDesk, PolicyWatch]:
    """A watch over a store with these files live: a fresh one, on which nothing was decided yet."""
    ledger = await open_ledger(store)
    desk = PolicyDesk(RedisPolicies(store), load, "acme")
    await store.command("DEL", "{toll}:policy", "{toll}:policy-history")
    await desk.publish(live, (), signature=SIGNED)
    return desk, PolicyWatch(desk, mount, AuditTrail(ledger, StillClock(), SeededEntropy()), StillClock())


async def look(watch: PolicyWatch, times: int = 2) -> None:
    for _ in range(times):
        await watch()


async def test_what_changed_is_live_once_two_looks_agree(store: Store) -> None:
    mount = Mount(MORE)
    desk, watch = await watching(store, VIDEO, mount)
    await look(watch, 1)
    assert desk.rules.version == version_of(VIDEO)
    await look(watch, 1)
    assert desk.rules.version == version_of(MORE)
    mount.files = BOTH
    await look(watch)
    assert desk.rules.version == version_of(BOTH)
    assert watch.failed == ()
    assert [line.signature.author for line in await desk.history()] == ["policy watch", "policy watch", "ops"]


@pytest.mark.parametrize(
    ("live", "files", "said"),
    [
        (VIDEO, BAD, "teams/video.toml"),
        (VIDEO, FOREIGN, "umbrella"),
        (BOTH, VIDEO, "--remove-team audio"),
        (VIDEO, RENAMED, "--reset video/budget"),
    ],
)
async def test_what_is_bad_or_takes_a_word_changes_nothing_and_is_said_once(
    store: Store, caplog: pytest.LogCaptureFixture, live: Files, files: Files, said: str
) -> None:
    mount = Mount(files)
    desk, watch = await watching(store, live, mount)
    await look(watch, 5)
    assert any(said in sentence for sentence in watch.failed)
    assert desk.rules.version == version_of(live)
    assert len(await desk.history()) == 1
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1

    mount.files = live
    await look(watch)
    assert watch.failed == ()


async def test_what_a_person_applied_after_all_is_no_failure_any_more(store: Store) -> None:
    desk, watch = await watching(store, BOTH, Mount(VIDEO))
    await look(watch)
    assert watch.failed
    await desk.publish(VIDEO, ("audio",), signature=SIGNED)
    await look(watch, 1)
    assert watch.failed == ()


async def test_a_start_puts_nothing_back_that_somebody_replaced(store: Store) -> None:
    mount = Mount(VIDEO)
    desk, watch = await watching(store, VIDEO, mount)
    await desk.publish(MORE, (), signature=SIGNED)
    await look(watch, 3)
    assert (desk.rules.version, watch.failed) == (version_of(MORE), ())
    mount.files = BOTH
    await look(watch)
    mount.files = VIDEO
    await look(watch)
    assert desk.rules.version == version_of(BOTH)
    assert any("audio" in sentence for sentence in watch.failed)


async def test_the_links_of_a_mounted_configuration_may_be_swapped(store: Store, tmp_path: Path) -> None:
    """As Kubernetes does it: every name is a link through `..data`, which is replaced as a whole."""
    for name, files in (("..one", VIDEO), ("..two", MORE)):
        write(tmp_path / name, files)
    data = tmp_path / "..data"
    data.symlink_to("..one")
    for name in ("organization.toml", "teams", "prices"):
        (tmp_path / name).symlink_to(Path("..data") / name)

    def read() -> Seen:
        found = read_directory(tmp_path)
        return Seen(found.files, found.complaints)

    desk, _ = await watching(store, VIDEO, Mount(VIDEO))
    trail = AuditTrail(await open_ledger(store), StillClock(), SeededEntropy("again"))
    watch = PolicyWatch(desk, read, trail, StillClock())
    await look(watch)
    assert watch.failed == ()
    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").replace(data)
    await look(watch)
    assert (desk.rules.version, watch.failed) == (version_of(MORE), ())


@given(directories(), directories(), st.integers(0, 2), st.sampled_from(["", "schema = 2\n", "x = ["]))
@settings(max_examples=10)
def test_a_directory_with_a_bad_file_never_changes_anything(
    store_url: str, live: dict[str, str], files: dict[str, str], spoilt: int, text: str
) -> None:
    names = sorted(files)
    asyncio.run(_spoilt(store_url, live, {**files, names[spoilt % len(names)]: text}))


async def _spoilt(store_url: str, live: Files, files: Files) -> None:
    store = connect(store_url)
    try:
        await store.client.flushall()
        desk, watch = await watching(store, live, Mount(files))
        content = await desk.live()
        await look(watch, 3)
        assert watch.failed
        assert await desk.live() == content
        assert len(await desk.history()) == 1
    finally:
        await store.close()
