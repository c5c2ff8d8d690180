"""`tollhouse webhook`, against a control plane that runs."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.core.delivery import Event
from tests.cli.run import Tollhouse
from tests.control import running_control
from tests.doubles import NOON


@pytest.fixture
async def tollhouse(store: Store) -> AsyncIterator[Tollhouse]:
    async with running_control(store) as plane:
        yield Tollhouse(plane)


async def test_what_clients_are_told_is_listed_and_sent_again(tollhouse: Tollhouse, store: Store) -> None:
    assert (await tollhouse("webhook", "list")).stdout == "There are no webhooks.\n"
    await initialise(store, Identity("e1", "acme"))
    await RedisEvents(store).put(Event("evt_1", "hold_1", "job_1", "video", NOON, "https://a.example/x?y", b"{}"))
    document = await tollhouse.document("webhook", "list", "--team", "video", "--state", "pending", "--limit", "5")
    assert [one["id"] for one in document["webhooks"]] == ["evt_1"]
    assert (await tollhouse("webhook", "list")).stdout == (
        "id     team   job    host       state    attempts  last\n"
        "evt_1  video  job_1  a.example  pending  0         -\n"
    )
    assert (await tollhouse("webhook", "redeliver", "evt_1")).stdout == "evt_1 is sent again.\n"
    assert (await tollhouse.document("webhook", "redeliver", "evt_1"))["state"] == "pending"


async def test_what_is_no_webhook_is_told(tollhouse: Tollhouse) -> None:
    assert (await tollhouse("webhook", "redeliver", "evt_9")).exit_code == 3
    assert (await tollhouse("webhook", "redeliver", "../keys")).exit_code == 2
    assert (await tollhouse("webhook", "list", "--state", "lost")).exit_code == 2
