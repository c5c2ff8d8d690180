"""Both planes, listening."""

from contextlib import AsyncExitStack

from aiohttp import web

from gateway.adapters.system import SystemEntropy
from gateway.settings import Address, Settings
from gateway.web.listener import Listener
from gateway.wiring.trouble import CannotStart


async def listen(
    stack: AsyncExitStack, app: web.Application, address: Address, settings: Settings, entropy: SystemEntropy
) -> str:
    """Serve `app` at `address` until the stack closes, which lets running requests finish. Returns where it listens.

    Raises CannotStart.
    """
    runner = Listener(app, lambda: f"req_{entropy.token(12).hex()}", shutdown_timeout=settings.shutdown_grace)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
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
