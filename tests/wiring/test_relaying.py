"""Who may tell the gateway of a job's end, by its settings: the upstream with the secret, the sandbox with its own."""

import json
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from gateway.core.key_secret import Peppers
from gateway.sandbox import SandboxConfig
from gateway.settings import Settings
from gateway.wiring import open_gateway
from gateway.wiring.relaying import _redacting, _secrets, sandbox_config
from tests.adapters.webhooks.strangers import stranger
from tests.walkthrough.house import CANARY, SLUG, until
from tests.walkthrough.policies import budget, team
from tests.walkthrough.relaying import free_port
from tests.wiring.starting import settings

DEMO = team(budget("5.00"), slug="demo")
PEPPERS = Peppers(1, {1: b"pepper"})
URL = "https://toll.example.com"


def known(**fields: Any) -> Settings:
    return Settings.model_validate({"public_url": URL, **fields})


def test_the_sandbox_has_a_secret_that_nobody_knows_unless_one_is_given() -> None:
    assert sandbox_config(known(public_url=None), PEPPERS) == SandboxConfig()
    own = sandbox_config(known(), PEPPERS)
    assert own.webhook_prefix == f"{URL}/"
    assert own.webhook_secret != sandbox_config(known(), Peppers(1, {1: b"another"})).webhook_secret
    assert own.webhook_secret not in repr(own)
    given = known(upstream_webhook_secret="whsec_given")
    assert sandbox_config(given, PEPPERS).webhook_secret == "whsec_given"


def test_with_a_real_upstream_its_secret_says_nothing_for_the_sandbox() -> None:
    real = known(pixelbyte_api_key=CANARY, upstream_webhook_secret="whsec_real")
    assert _secrets(real, PEPPERS).live == "whsec_real"
    assert _secrets(real, PEPPERS).test == sandbox_config(real, PEPPERS).webhook_secret != "whsec_real"


def test_the_real_key_never_goes_on_to_a_client() -> None:
    real = known(pixelbyte_api_key=CANARY, upstream_webhook_secret="whsec_real")
    body = json.dumps({"note": f"Bearer {CANARY}"}).encode()
    assert _redacting(real)(body) == b'{"note": "Bearer [redacted]"}'
    assert _redacting(known())(body) == body


async def test_without_a_real_key_the_sandbox_s_jobs_are_relayed_too(tmp_path: Path) -> None:
    port = free_port()
    own = {"listen": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}", "webhook_allow_hosts": "127.0.0.1"}
    async with (
        stranger() as client,
        open_gateway(settings(tmp_path, DEMO, **own)) as gateway,
        ClientSession() as session,
    ):
        given = {"sandbox": {"pending_seconds": 0.05, "processing_seconds": 0.05}}
        body = {"model": SLUG, "input": given, "webhookUrl": f"http://127.0.0.1:{client.port}/hook"}
        headers = {"Authorization": f"Bearer {gateway.demo_key}"}
        async with session.post(f"{gateway.data_url}/v1/jobs/submit", json=body, headers=headers) as reply:
            job = (await reply.json())["jobId"]

        async def told() -> bool:
            return len(client.requests) > 0

        await until(told)
    [(path, _, raw)] = client.requests
    assert (path, json.loads(raw)["jobId"], json.loads(raw)["status"]) == ("/hook", job, "completed")
