"""A real Prometheus and a real Alertmanager that watch the gateways of a fleet, with the configuration that ships."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import ClientError, web

from tests.rigs.child import Child
from tests.rigs.fleet import Fleet
from tests.rigs.provider import ROOT
from tests.walkthrough.relaying import free_port

SHIPPED: Final = ROOT / "deploy" / "prometheus"


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
    config["rule_files"] = [str(SHIPPED / "rules.yaml")]
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
