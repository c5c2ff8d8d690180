"""HAProxy before the gateways of a fleet, with the configuration that the project ships."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from tests.rigs.child import Child
from tests.rigs.gateways import GatewayProcess
from tests.rigs.provider import ROOT
from tests.walkthrough.relaying import free_port

CONFIG: Final = ROOT / "deploy" / "haproxy.cfg"
# In a line of its log: connections at the time, and how often it tried again to reach a gateway.
_TRIED_AGAIN: Final = re.compile(r" \d+/\d+/\d+/\d+/\+?(\d+) \d+/\d+ \"")
_SERVER: Final = re.compile(r"^    server .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Balancer:
    """A running one, and what it has logged."""

    url: str
    log: Path

    def retries(self) -> list[int]:
        """Of each request that has ended, how often it was sent to a gateway that was not there."""
        return [int(one) for one in _TRIED_AGAIN.findall(self.log.read_text(encoding="utf-8"))]


@asynccontextmanager
async def balancer(
    root: Path, gateways: Sequence[GatewayProcess], session: aiohttp.ClientSession
) -> AsyncIterator[Balancer]:
    """Run it. Of what is shipped only the addresses are changed."""
    program = shutil.which("haproxy")
    assert program is not None, "there is no haproxy: install the package haproxy"
    url = f"http://127.0.0.1:{free_port()}"
    file = root / "haproxy.cfg"
    file.write_text(_pointed(CONFIG.read_text(encoding="utf-8"), url, gateways), encoding="utf-8")
    log = root / "haproxy.out"
    child = Child([program, "-db", "-f", str(file)], root, {}, log, root / "haproxy.log")
    try:

        async def forwards() -> bool:
            try:
                async with session.get(f"{url}/readyz") as reply:
                    return reply.status == 200
            except aiohttp.ClientError:
                return False

        await child.come_up(forwards)
        # A first look at each of them, whichever answered.
        await asyncio.sleep(1.0)
        yield Balancer(url, log)
    finally:
        child.kill()


def _pointed(config: str, url: str, gateways: Sequence[GatewayProcess]) -> str:
    assert len(_SERVER.findall(config)) == len(gateways)
    servers = "".join(f"    server {one.name} {one.url.removeprefix('http://')}\n" for one in gateways)
    listening = config.replace("127.0.0.1:8000", url.removeprefix("http://"))
    assert listening != config
    return _SERVER.sub("", listening) + servers
