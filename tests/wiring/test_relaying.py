"""Who may tell the gateway of a job's end, by its settings: the upstream with the secret, the sandbox with its own."""

import json
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from gateway.adapters.system import SystemEntropy
from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from gateway.sandbox import SandboxConfig
from gateway.settings import Settings
from gateway.wiring import open_gateway
from gateway.wiring.relaying import _redacting, sandbox_config
from gateway.wiring.secrets import Secrets, gateway_secrets
from tests.adapters.webhooks.strangers import stranger
from tests.walkthrough.house import CANARY, SLUG, until
from tests.walkthrough.policies import budget, team
from tests.walkthrough.relaying import free_port
from tests.wiring.starting import settings

DEMO = team(budget("5.00"), slug="demo")
ADMIN = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))
URL = "https://toll.example.com"


def known(**fields: Any) -> Settings:
    return Settings.model_validate({"public_url": URL, "pepper": "pepper", "admin_key": ADMIN, **fields})


def secrets(given: Settings) -> Secrets:
    return gateway_secrets(given, SystemEntropy())


def sandbox(given: Settings) -> SandboxConfig:
    return sandbox_config(given, secrets(given))


def test_the_sandbox_has_a_secret_that_nobody_knows_unless_one_is_given() -> None:
    assert sandbox(known(public_url=None)) == SandboxConfig()
    own = sandbox(known())
    assert own.webhook_prefix == f"{URL}/"
    assert own.webhook_secret != sandbox(known(pepper="another")).webhook_secret
    assert own.webhook_secret not in repr(own)
    assert sandbox(known(upstream_webhook_secret="whsec_given")).webhook_secret == "whsec_given"


def test_with_a_real_upstream_its_secret_says_nothing_for_the_sandbox() -> None:
    real = known(pixelbyte_api_key=CANARY, upstream_webhook_secret="whsec_real")
    hooks = secrets(real).hooks.value
    assert hooks.live == ("whsec_real",)
    assert hooks.test == (sandbox(real).webhook_secret,) != hooks.live


def test_while_peppers_change_a_sandbox_is_known_by_those_with_the_new_one_and_those_without() -> None:
    before, after = known(), known(pepper="1:pepper 2:another")
    assert sandbox(before).webhook_secret in secrets(after).hooks.value.test
    assert sandbox(after).webhook_secret == secrets(after).hooks.value.live[0] != sandbox(before).webhook_secret


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
