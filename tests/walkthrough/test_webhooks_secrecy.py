"""The secrets of webhooks: by what we know the provider, by what clients know us, and what an address has in it."""

import json
import logging
from urllib.parse import urlsplit

import pytest

from gateway.adapters.system import SystemClock
from gateway.core.webhook_signature import signed
from tests.walkthrough.house import CANARY
from tests.walkthrough.policies import budget, team
from tests.walkthrough.relaying import SECRET, relaying, sent_body
from tests.walkthrough.test_secrecy import files_with, in_log


async def test_no_secret_of_a_webhook_leaves_by_another_door(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with relaying(team(budget("50.00"))) as client:
        house = client.house
        submitted = await client.submit()
        await client.told()
        token = urlsplit(sent_body(house)["webhookUrl"]).path.rpartition("/")[2]
        own = await client.secret()
        webhooks, metrics = json.dumps(await client.webhooks()), (await house.metrics()).text
        logged = in_log(caplog)
        assert submitted.hold in logged
        for secret in (SECRET, own, token, "of-the-client"):
            assert secret not in logged
            assert secret not in metrics
            assert secret not in webhooks
        data = house.gateway.data_dir
        assert [files_with(data, secret) for secret in (SECRET, own, token)] == [[], [], []]


async def test_a_key_that_the_provider_writes_into_a_webhook_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with relaying(team(budget("50.00")), retries=()) as client:
        house = client.house
        submitted = await client.submit(input={"sandbox": {"pending_seconds": 3600}})
        url = sent_body(house)["webhookUrl"]
        # Its own job is told of; the other, which carries the key in its name, reaches nobody.
        for job in (f"job_{CANARY}", submitted.document["jobId"]):
            raw = json.dumps({"jobId": job, "status": "completed", "output": {"debug": f"Bearer {CANARY}"}}).encode()
            answer = await house.call("POST", url, body=raw, headers=signed(raw, SystemClock().now(), SECRET))
            assert (answer.status, answer.document) == (200, {"received": True})
        [(_, told)] = await client.told()
        assert told == raw.replace(CANARY.encode(), b"[redacted]")
        assert CANARY not in in_log(caplog)
        assert files_with(house.gateway.data_dir, CANARY) == []
