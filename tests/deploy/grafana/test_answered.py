"""Every question of every panel, asked of a real Prometheus that watches gateways to which all of it has happened."""

import random
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.adapters.webhooks.strangers import stranger
from tests.deploy.grafana.test_written import COMMITTED, queries
from tests.rigs.child import until_so
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.front import front
from tests.rigs.gateways import GatewayProcess
from tests.rigs.prometheus import Prometheus, watched
from tests.walkthrough.house import Key
from tests.walkthrough.policies import alerts_to, budget, organization, team

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("prometheus")]

FAILING: Final = {"failure_rate": 1.0, "pending_seconds": 0, "processing_seconds": 0}
# What Grafana puts in their places.
VARIABLES: Final = {"$__rate_interval": "1m", "$__range": "5m", "$team": ".*"}


async def everything(fleet: Fleet, key: Key) -> None:
    """A bit of all that a dashboard shows, and in the end a refusal."""
    first, second = fleet.gateways
    for round_ in range(2):
        assert (await fleet.crowd.submit(first, key, sandbox=FAILING)).accepted
        assert (await fleet.crowd.submit(second, key, sandbox={"cost_factor": "0.9"})).accepted
        assert (await fleet.crowd.submit(first, key, sandbox={"status": 400})).told not in ("accepted", "no answer")
        doubted = await fleet.crowd.submit(second, key, prompt=f"{round_}", sandbox={"reset_after": True})
        assert doubted.told == "SUBMIT_OUTCOME_UNKNOWN"
        decided = {"author": "ada", "reason": "the provider says no"}
        await second.control("POST", f"/admin/v1/holds/{doubted.document['error']['details']['hold']}/void", decided)
    told = ""
    while told != "BUDGET_EXCEEDED":
        told = (await fleet.crowd.submit(second, key)).told


async def has_all(prometheus: Prometheus) -> list[str]:
    """The panels with a question that has no answer."""
    missing = []
    for name, document in COMMITTED.items():
        for title, expression in queries(document):
            asked = re.sub(r"\$\w+", lambda found: VARIABLES[found[0]], expression)
            if not await prometheus.ask(asked):
                missing.append(f"{name}, {title}: {asked}")
    return missing


async def test_every_panel_has_an_answer() -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(stranger())
        gateways: list[GatewayProcess] = []
        address = await stack.enter_async_context(front(gateways, random.Random(1)))
        limits = budget("14.00", alert_at=["50%"]), budget("0.10", "watched", mode="shadow")
        fleet = await stack.enter_async_context(
            open_fleet(
                team(*limits, alerts_to(f"http://127.0.0.1:{receiver.port}/alerts")),
                organization(budget("1000.00", "company")),
                gateways=2,
                public_url=address,
                upstream_webhook_secret="whsec_sandbox",
                webhook_allow_hosts="127.0.0.0/8",
            )
        )
        gateways.extend(fleet.gateways)
        prometheus, _ = await stack.enter_async_context(watched(fleet))
        await fleet.gateways[0].control("POST", "/admin/v1/keys", expiring())
        await everything(fleet, await fleet.key())
        missing: list[str] = []

        async def none_missing() -> bool:
            missing[:] = await has_all(prometheus)
            return not missing

        try:
            await until_so(none_missing)
        except AssertionError:
            assert missing == []


def expiring() -> dict[str, str]:
    """A key that ends within two weeks."""
    soon = datetime.now(UTC) + timedelta(days=9)
    return {"team": "video", "name": "soon gone", "expires_at": soon.isoformat()}
