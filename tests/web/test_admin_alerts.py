"""Alerts on the control plane: the newest first, and a team lead's own only."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.adapters.redis.alerts import RedisAlerts
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Balance
from gateway.core.alert import Alert, Level, document
from tests.adapters.redis.holds import JOBS, KEY, ORGANIZATION, RUNNING, TEAM, demand, open_ledger
from tests.control import RunningControl, running_control
from tests.doubles import NOON, policy_files

ACCOUNTS = ((TEAM, "video"), (KEY, "video"), (ORGANIZATION, None), (JOBS, "audio"), (RUNNING, "audio"))


def raised() -> list[Alert]:
    """One of each kind, the oldest first."""
    return [
        Alert(f"evt_{number}", "acme", Level(team, demand(account, 0, 9), Balance(7, 1)), 80, NOON, None)
        for number, (account, team) in enumerate(ACCOUNTS)
    ]


async def raise_all(store: Store, ledger: RedisLedger) -> None:
    book = RedisAlerts(store, ledger)
    for number, alert in enumerate(raised()):
        assert await book.put(replace(alert, at=NOON + timedelta(seconds=number)), None)


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    await raise_all(store, await open_ledger(store))
    async with running_control(store) as plane:
        # Behind what the ledger already has as its policy.
        await store.command("DEL", "{toll}:policy")
        await plane.control.desk.publish(policy_files("video", "audio"), ())
        yield plane


async def listed(plane: RunningControl, query: str = "", headers: dict[str, str] | None = None) -> list[Any]:
    status, told = await plane.ask("GET", f"/admin/v1/alerts{query}", headers=headers)
    assert status == 200, told
    return list(told["alerts"])


async def test_they_are_listed_the_newest_first_as_they_were_told(plane: RunningControl) -> None:
    found = await listed(plane)
    assert [one["id"] for one in found] == ["evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]
    assert found[-1] == document(raised()[0])
    assert [one["id"] for one in await listed(plane, "?limit=1")] == ["evt_4"]
    assert [one["key"] for one in await listed(plane, "?team=video")] == ["k1", None]
    assert await listed(plane, "?team=nobody") == []


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?limit=x", "?page=2"])
async def test_what_cannot_be_listed_is_told(plane: RunningControl, query: str) -> None:
    assert (await plane.ask("GET", f"/admin/v1/alerts{query}"))[0] == 400


async def test_a_team_lead_sees_those_of_the_team_whatever_is_asked(plane: RunningControl) -> None:
    asked = {"name": "ada", "role": "team-lead", "team": "audio"}
    status, issued = await plane.ask("POST", "/admin/v1/admin-keys", asked)
    assert status == 201, issued
    for query in ("", "?team=video", "?team=acme"):
        found = await listed(plane, query, {"x-api-key": issued["key"]})
        assert {one["team"] for one in found} == {"audio"}
