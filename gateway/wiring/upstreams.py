"""Where requests go: the provider, or the sandbox in its place; and the sandbox beside it, for test keys."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from gateway.adapters.system import SystemClock, SystemEntropy
from gateway.adapters.upstream import HttpUpstream
from gateway.sandbox import Drawn, SandboxConfig, open_sandbox
from gateway.settings import PROVIDER_URL, Settings
from gateway.wiring.secrets import upstream_key

_SANDBOX_KEY: Final = "pb_sandbox"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """`real` is what has the real key, where there is one."""

    real: HttpUpstream
    sandbox: HttpUpstream
    real_url: str
    sandbox_url: str


async def open_upstreams(
    stack: AsyncExitStack, settings: Settings, clock: SystemClock, entropy: SystemEntropy, config: SandboxConfig
) -> Upstreams:
    """The built-in sandbox, for test keys and for everybody without a real key; and what has the real key."""
    opened = open_sandbox(config, clock=clock.now, rng=Drawn(entropy.token))
    sandbox_url = (await stack.enter_async_context(opened)).url
    sandbox = HttpUpstream(sandbox_url, lambda: _SANDBOX_KEY, clock)
    stack.callback(sandbox.close)
    if settings.sandboxed:
        return Upstreams(sandbox, sandbox, sandbox_url, sandbox_url)
    url = settings.upstream_url or PROVIDER_URL
    real = HttpUpstream(url, upstream_key(settings), clock)
    stack.callback(real.close)
    return Upstreams(real, sandbox, url, sandbox_url)
