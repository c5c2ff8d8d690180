"""Both planes, listening, and how they stop: first nobody sends them anything any more, then what runs is finished.

The rule of this file: while anybody may still be sending, everything is answered. Only `/readyz` says no, and each
connection ends with its next answer, until those who send have had the time to notice.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from gateway.adapters.system import SystemEntropy
from gateway.service.readiness import Probe
from gateway.settings import Address, Settings
from gateway.web.listener import Listener
from gateway.wiring.trouble import CannotStart

# What it takes to end those whose time is over.
_CUT_S: Final = 1.0


@dataclass(slots=True)
class Doors:
    """What was opened, to be closed together. What answers probes is opened first, and so closed last."""

    settings: Settings
    entropy: SystemEntropy
    _open: list[Listener] = field(default_factory=list)

    async def listen(self, app: web.Application, address: Address) -> str:
        """Serve `app` at `address`. Returns where it listens. Raises CannotStart."""
        runner = Listener(app, self._request_id, shutdown_timeout=self.settings.shutdown_grace)
        await runner.setup()
        self._open.append(runner)
        site: web.BaseSite
        if address.path is not None:
            site = web.UnixSite(runner, address.path)
        else:
            site = web.TCPSite(runner, address.host, address.port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise CannotStart(f"cannot listen at {address}: {error.strerror or error}") from None
        if address.path is not None:
            return str(address)
        return str(Address(address.host, runner.addresses[0][1]))

    def _request_id(self) -> str:
        return f"req_{self.entropy.token(12).hex()}"

    async def empty(self, probe: Probe) -> None:
        """Have everybody go elsewhere, for as long as the settings give them."""
        probe.draining = True
        for runner in self._open:
            runner.send_off()
        if self.settings.shutdown_delay:
            await asyncio.sleep(self.settings.shutdown_delay)

    async def close(self) -> None:
        """Take nothing new, and let what runs finish within the grace: one for both, the plane opened last first."""
        ends = asyncio.get_running_loop().time() + self.settings.shutdown_grace + _CUT_S
        for runner in reversed(self._open):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(ends):
                    await runner.cleanup()
