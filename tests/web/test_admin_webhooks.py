"""What clients are told, and their secrets, on the control plane and the command line."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.core.delivery import Attempt, DeliveryState, Event, Next
from tests.control import RunningControl, running_control
from tests.doubles import NOON, policy_files

ONE = {
    "id": "evt_1",
    "type": "job",
    "team": "video",
    "hold": "hold_1",
    "job": "job_1",
    "host": "a.example:8443",
    "state": "sent",
    "created_at": "2026-11-23T12:00:00Z",
    "due_at": None,
    "attempts": [{"at": "2026-11-23T12:00:01Z", "result": "status 204", "delivered": True}],
}


def event(name: str, team: str = "video", seconds: int = 0) -> Event:
    at = NOON + timedelta(seconds=seconds)
    return Event(f"evt_{name}", f"hold_{name}", f"job_{name}", team, at, "https://a.example:8443/?token=x", b"{}")


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    """Two events: one was sent, the other waits."""
    await initialise(store, Identity("e1", "acme"))
    events = RedisEvents(store)
    await events.put(event("1"))
    await events.put(event("2", "audio", seconds=1))
    [taken] = await events.take("video", NOON, 1)
    sent = Attempt(NOON + timedelta(seconds=1), "status 204", delivered=True)
    await events.note(taken, sent, Next(DeliveryState.SENT, None))
    async with running_control(store) as plane:
        await plane.control.desk.publish(policy_files("video", "audio"), ())
        yield plane


async def listed(plane: RunningControl, query: str = "") -> list[str]:
    status, told = await plane.ask("GET", f"/admin/v1/webhooks{query}")
    assert status == 200, told
    return [one["id"] for one in told["webhooks"]]


async def test_they_are_listed_the_newest_first_without_what_an_address_may_hold(plane: RunningControl) -> None:
    status, told = await plane.ask("GET", "/admin/v1/webhooks?state=sent")
    assert (status, told) == (200, {"webhooks": [ONE]})
    assert await listed(plane) == ["evt_2", "evt_1"]
    assert await listed(plane, "?limit=1") == ["evt_2"]
    assert await listed(plane, "?team=video") == ["evt_1"]
    assert await listed(plane, "?team=video&state=pending") == []


@pytest.mark.parametrize("query", ["?state=lost", "?limit=0", "?limit=1001", "?limit=x", "?limit=%D9%A1", "?page=2"])
async def test_what_cannot_be_listed_is_told(plane: RunningControl, query: str) -> None:
    assert (await plane.ask("GET", f"/admin/v1/webhooks{query}"))[0] == 400


async def test_one_is_sent_again(plane: RunningControl) -> None:
    status, told = await plane.ask("POST", "/admin/v1/webhooks/evt_1/redeliver")
    assert (status, told) == (200, {**ONE, "state": "pending", "due_at": "2026-11-23T12:00:00Z"})
    status, told = await plane.ask("POST", "/admin/v1/webhooks/evt_9/redeliver")
    assert (status, told["error"]["code"]) == (404, "WEBHOOK_NOT_FOUND")


async def test_secrets_are_shown_rotated_and_noted(plane: RunningControl, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tollhouse.audit")
    shown = [(await plane.ask("GET", "/admin/v1/teams/video/secret"))[1] for _ in range(2)]
    assert shown[0] == shown[1]
    assert shown[0].keys() == {"team", "secret", "since"}
    status, rotated = await plane.ask("POST", "/admin/v1/teams/video/secret/rotate")
    assert (status, rotated["team"]) == (200, "video")
    assert rotated["secret"] != shown[0]["secret"]
    for method, path in (("GET", "secret"), ("POST", "secret/rotate")):
        status, told = await plane.ask(method, f"/admin/v1/teams/nobody/{path}")
        assert (status, told["error"]["code"]) == (404, "TEAM_UNKNOWN")
    lines = [(one.getMessage(), one.__dict__["fields"]["outcome"]) for one in caplog.records]
    assert lines == [
        *[("team_secret.show", "done")] * 2,
        ("team_secret.rotate", "done"),
        ("team_secret.show", "TEAM_UNKNOWN"),
        ("team_secret.rotate", "TEAM_UNKNOWN"),
    ]
    assert shown[0]["secret"] not in caplog.text + repr([one.__dict__ for one in caplog.records])


async def test_a_secret_whose_pepper_is_gone_can_only_be_rotated(plane: RunningControl, store: Store) -> None:
    await store.command("HSET", "{toll}:team_secrets", "video", "3 7 0")
    status, told = await plane.ask("GET", "/admin/v1/teams/video/secret")
    assert (status, told["error"]["code"]) == (409, "SECRET_LOST")
    assert (await plane.ask("POST", "/admin/v1/teams/video/secret/rotate"))[0] == 200
    assert (await plane.ask("GET", "/admin/v1/teams/video/secret"))[0] == 200
