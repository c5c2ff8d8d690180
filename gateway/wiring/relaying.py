"""Webhooks: what the upstream tells us where it can reach us, and what we tell clients and teams."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from gateway import __version__
from gateway.adapters.redis.alerts import RedisAlerts
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.team_secrets import RedisTeamSecrets
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.adapters.webhooks import HttpPostman
from gateway.core.hook_token import Relay
from gateway.sandbox import SandboxConfig
from gateway.service.deliver import Deliver
from gateway.service.hooks import Hooks
from gateway.service.lifecycle import Lifecycle
from gateway.service.policy_desk import PolicyDesk
from gateway.service.team_secrets import TeamSecrets
from gateway.settings import Settings
from gateway.wiring.secrets import Secrets, upstream_key

_REDACTED: Final = b"[redacted]"


@dataclass(frozen=True, slots=True)
class Relaying:
    """`relay` and `hooks` are there where the upstream can reach us; clients are told what is left in any case."""

    relay: Relay | None
    hooks: Hooks | None
    deliver: Deliver
    events: RedisEvents
    alerts: RedisAlerts
    team_secrets: TeamSecrets


def open_relaying(
    stack: AsyncExitStack,
    settings: Settings,
    store: Store,
    ledger: RedisLedger,
    lifecycle: Lifecycle,
    desk: PolicyDesk,
    telemetry: PrometheusTelemetry,
    secrets: Secrets,
) -> Relaying:
    """Open what calls clients, until the stack closes. Raises CannotStart."""
    clock = lifecycle.clock
    postman = HttpPostman(settings.webhook_allow_hosts, __version__)
    stack.push_async_callback(postman.close)
    events, team_secrets = RedisEvents(store), TeamSecrets(RedisTeamSecrets(store), desk, secrets.peppers, clock)
    alerts = RedisAlerts(store, ledger)
    deliver = Deliver(events, postman, team_secrets, clock, telemetry.delivered)
    if settings.public_url is None:
        return Relaying(None, None, deliver, events, alerts, team_secrets)
    hooks = Hooks(
        ledger=lifecycle.ledger,
        lifecycle=lifecycle,
        telemetry=telemetry,
        inbox=events,
        secrets=secrets.hooks,
        peppers=secrets.peppers,
        clock=clock,
        redact=_redacting(settings),
    )
    return Relaying(Relay(settings.public_url, secrets.peppers), hooks, deliver, events, alerts, team_secrets)


def sandbox_config(settings: Settings, secrets: Secrets) -> SandboxConfig:
    """The built-in sandbox: where it can reach us it tells us of ends, as the upstream does."""
    if settings.public_url is None:
        return SandboxConfig()
    ours = settings.public_url.rstrip("/") + "/"
    return SandboxConfig(webhook_secret=secrets.hooks.value.test[0], webhook_prefix=ours)


def _redacting(settings: Settings) -> Callable[[bytes], bytes]:
    if settings.sandboxed:
        return lambda body: body
    key = upstream_key(settings)
    return lambda body: body.replace(key().encode(), _REDACTED)
