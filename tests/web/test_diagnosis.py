"""The doctor's route: for the administrator alone, one document, whatever state things are in."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.redis.connection import Store
from tests.adapters.redis.holds import open_ledger
from tests.control import RunningControl, running_control
from tests.doubles import policy_files


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    async with running_control(store, started=False) as plane:
        yield plane


async def test_an_empty_store(plane: RunningControl) -> None:
    status, told = await plane.ask("GET", "/admin/v1/doctor")
    assert status == 200
    assert told["well"] is False
    assert [finding["check"] for finding in told["findings"]] == ["epoch", "keys", "policies"]
    assert all(finding.keys() == {"check", "sentence", "step"} for finding in told["findings"])
    assert told["figures"]["store"].keys() == {"keys", "holds", "oldest_due_seconds", "clock_skew_seconds"}


async def test_a_sound_one(plane: RunningControl, store: Store) -> None:
    await open_ledger(store)
    await store.command("DEL", "{toll}:policy")
    await plane.control.desk.publish(policy_files("video"), ())
    # Two entries of the audit trail.
    await plane.issue()
    # The first look says that this gateway lives; the second one sees it.
    await plane.ask("GET", "/admin/v1/doctor")

    status, told = await plane.ask("GET", "/admin/v1/doctor")

    assert (status, told["well"], told["findings"]) == (200, True, [])
    assert any("25% full" in line for line in told["state"])
    figures = told["figures"]
    assert (figures["unacknowledged_moves"], figures["spool_fill"], figures["kept_out"]) == (0, 0.25, None)
    history = figures["store"]
    assert (history["organization"], history["epoch"], history["sequence"]) == ("acme", "e1", 2)
    assert history["frozen"] is None
    assert [gateway["boot"] for gateway in history["gateways"]] == ["one"]


async def test_a_frozen_one(plane: RunningControl, store: Store) -> None:
    await open_ledger(store)
    await store.command("HSET", "{toll}:store", "frozen", "history lost", "lost_from", 3, "lost_to", 9)
    _, told = await plane.ask("GET", "/admin/v1/doctor")
    frozen = told["figures"]["store"]["frozen"]
    assert (frozen["reason"], frozen["lost_from"], frozen["lost_to"]) == ("history lost", 3, 9)
    assert "thawed" in [finding["check"] for finding in told["findings"]]
