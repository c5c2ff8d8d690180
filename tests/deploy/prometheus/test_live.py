"""A real Prometheus watches two gateways under load: its totals are the SQL ledger's, and somebody is woken."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from aiohttp import ClientError, web

from tests.adapters.sql.databases import Reader
from tests.deploy.prometheus.replay import RULES
from tests.rigs.child import Child, until_so
from tests.rigs.crowd import COST
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.provider import ROOT
from tests.walkthrough.house import SLUG, Key
from tests.walkthrough.policies import budget, organization, team
from tests.walkthrough.relaying import free_port

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("prometheus")]

SHIPPED: Final = ROOT / "deploy" / "prometheus"
FAILING: Final = {"failure_rate": 1.0, "pending_seconds": 0, "processing_seconds": 0}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running one."""

    url: str
    fleet: Fleet

    async def ask(self, expression: str) -> dict[tuple[str, ...], float]:
        """What an expression comes to now, by the values of its labels in the order of their names."""
        async with self.fleet.session.get(f"{self.url}/api/v1/query", params={"query": expression}) as reply:
            found = await reply.json()
        assert found["status"] == "success", found
        rows = found["data"]["result"]
        return {tuple(row["metric"][name] for name in sorted(row["metric"])): float(row["value"][1]) for row in rows}

    async def micros(self, expression: str) -> dict[tuple[str, ...], int]:
        return {labels: round(usd * 1_000_000) for labels, usd in (await self.ask(expression)).items()}


@asynccontextmanager
async def watched(fleet: Fleet) -> AsyncIterator[tuple[Prometheus, list[dict[str, Any]]]]:
    """Prometheus and Alertmanager as they ship, but for addresses and how often they look; what somebody was told."""
    told: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        told.extend((await request.json())["alerts"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/{receiver}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    pager, manager, server = free_port(), free_port(), free_port()
    await web.TCPSite(runner, "127.0.0.1", pager).start()
    routing = (
        (SHIPPED / "alertmanager.yaml").read_text(encoding="utf-8").replace("127.0.0.1:9099", f"127.0.0.1:{pager}")
    )
    (fleet.root / "alertmanager.yaml").write_text(
        routing.replace("group_wait: 10s", "group_wait: 1s"), encoding="utf-8"
    )
    config = yaml.safe_load((SHIPPED / "prometheus.yaml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    targets = [gateway.control_url.removeprefix("http://") for gateway in fleet.gateways]
    config["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
    config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]}
    (fleet.root / "prometheus.yaml").write_text(json.dumps(config), encoding="utf-8")
    alerting = _program(
        fleet.root,
        "prometheus-alertmanager",
        f"--config.file={fleet.root / 'alertmanager.yaml'}",
        f"--storage.path={fleet.root / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{manager}",
        "--cluster.listen-address=",
    )
    watching = _program(
        fleet.root,
        "prometheus",
        f"--config.file={fleet.root / 'prometheus.yaml'}",
        f"--storage.tsdb.path={fleet.root / 'series'}",
        f"--web.listen-address=127.0.0.1:{server}",
    )
    try:
        for child, port in ((alerting, manager), (watching, server)):
            await child.come_up(partial(_ready, fleet, port))
        yield Prometheus(f"http://127.0.0.1:{server}", fleet), told
    finally:
        watching.kill()
        alerting.kill()
        await runner.cleanup()


def _program(root: Path, name: str, *words: str) -> Child:
    program = shutil.which(name)
    assert program is not None, f"there is no {name}: install the package {name}"
    return Child([program, *words], root, {}, root / f"{name}.out", root / f"{name}.log")


async def _ready(fleet: Fleet, port: int) -> bool:
    try:
        async with fleet.session.get(f"http://127.0.0.1:{port}/-/ready") as reply:
            return reply.status == 200
    except ClientError:
        return False


async def load(fleet: Fleet, key: Key) -> None:
    """Jobs at both gateways, some of which fail and give their money back, until the budget refuses."""
    for number in range(12):
        faults = FAILING if number % 3 == 0 else {}
        attempt = await fleet.crowd.submit(fleet.gateways[number % 2], key, sandbox=faults)
        assert attempt.accepted, attempt.document
    await until_so(lambda: _refunded(fleet, 4))
    told = ["accepted"]
    while told[-3:] != ["BUDGET_EXCEEDED"] * 3:
        told.append((await fleet.crowd.submit(fleet.gateways[len(told) % 2], key)).told)
    assert set(told) == {"accepted", "BUDGET_EXCEEDED"}


async def _refunded(fleet: Fleet, count: int) -> bool:
    return sum(entry.kind == "refunded" for entry in (await fleet.books()).entries) == count


def by_sql(database: str, query: str) -> dict[tuple[str, ...], int]:
    reader = Reader(database)
    try:
        return {tuple(str(one) for one in row[:-1]): int(str(row[-1])) for row in reader.rows(query)}
    finally:
        reader.close()


CHARGED: Final = """
SELECT h.model, h.team, sum(c.cost) FROM ledger_entries c
JOIN ledger_entries h ON h.hold = c.hold AND h.record IS NOT NULL WHERE c.kind = 'captured' GROUP BY 1, 2
"""
BACK: Final = """
SELECT h.team, sum(json_extract(r.facts, '$.refunded')) FROM ledger_entries r
JOIN ledger_entries h ON h.hold = r.hold AND h.record IS NOT NULL WHERE r.kind = 'refunded' GROUP BY 1
"""
REFUSED: Final = "SELECT limit_name, team, sum(amount) FROM refused_submissions GROUP BY 1, 2"


async def test_totals_are_the_ledgers_no_gauge_doubles_and_somebody_is_woken() -> None:
    policies = [team(budget("14.00")), organization(budget("1000.00", "company"))]
    async with open_fleet(*policies, gateways=2) as fleet, watched(fleet) as (prometheus, told):
        key = await fleet.key()
        await load(fleet, key)
        await until_so(fleet.all_exported)

        async def same() -> bool:
            seen = [
                await prometheus.micros("sum by (model, team) (tollhouse_cost_usd_total)"),
                await prometheus.micros("sum by (team) (tollhouse_refund_usd_total)"),
                await prometheus.micros("sum by (limit, team) (tollhouse_refused_usd_total)"),
            ]
            return seen == [by_sql(fleet.database, query) for query in (CHARGED, BACK, REFUSED)]

        await until_so(same)
        assert by_sql(fleet.database, BACK) == {("video",): 4 * COST}
        assert by_sql(fleet.database, REFUSED) == {("budget", "video"): 3 * COST}
        charged = by_sql(fleet.database, CHARGED)[(SLUG, "video")]
        assert charged - 4 * COST == 20 * COST

        # Both gateways say what stands on a limit, and the rules say it once.
        each = await prometheus.ask('tollhouse_limit_posted{limit="budget"}')
        assert sorted(each.values()) == [14.0, 14.0]

        async def once() -> bool:
            recorded = await prometheus.ask('sum by (limit, scope) (tollhouse:limit_posted{meter="usd"})')
            return recorded == {("budget", "team"): 14.0, ("company", "organization"): 14.0}

        await until_so(once)

        async def woken() -> bool:
            return any(one["labels"]["alertname"] == "TollhouseLimitReached" for one in told)

        await until_so(woken)
        alert = next(one for one in told if one["labels"]["alertname"] == "TollhouseLimitReached")
        assert (alert["labels"]["team"], alert["labels"]["limit"]) == ("video", "budget")
        assert alert["annotations"]["summary"] == "jobs of video are refused by budget"
