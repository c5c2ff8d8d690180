"""Webhooks: what the upstream tells us where it can reach us, and what we tell clients and teams."""

import hmac
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
from gateway.core.key_secret import Peppers
from gateway.sandbox import SandboxConfig
from gateway.service.deliver import Deliver
from gateway.service.hooks import Hooks, HookSecrets
from gateway.service.lifecycle import Lifecycle
from gateway.service.policy_desk import PolicyDesk
from gateway.service.team_secrets import TeamSecrets
from gateway.settings import Settings
from gateway.wiring.secrets import upstream_key

_PURPOSE: Final = b"tollhouse: the webhooks of the built-in sandbox"
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
    peppers: Peppers,
) -> Relaying:
    """Open what calls clients, until the stack closes. Raises CannotStart."""
    clock = lifecycle.clock
    postman = HttpPostman(settings.webhook_allow_hosts, __version__)
    stack.push_async_callback(postman.close)
    events, team_secrets = RedisEvents(store), TeamSecrets(RedisTeamSecrets(store), desk, peppers, clock)
    alerts = RedisAlerts(store, ledger)
    deliver = Deliver(events, postman, team_secrets, clock, telemetry.delivered)
    if settings.public_url is None:
        return Relaying(None, None, deliver, events, alerts, team_secrets)
    hooks = Hooks(
        ledger=lifecycle.ledger,
        lifecycle=lifecycle,
        telemetry=telemetry,
        inbox=events,
        secrets=_secrets(settings, peppers),
        peppers=peppers,
        clock=clock,
        redact=_redacting(settings),
    )
    return Relaying(Relay(settings.public_url, peppers), hooks, deliver, events, alerts, team_secrets)


def sandbox_config(settings: Settings, peppers: Peppers) -> SandboxConfig:
    """The built-in sandbox: where it can reach us it tells us of ends, as the upstream does."""
    if settings.public_url is None:
        return SandboxConfig()
    ours = settings.public_url.rstrip("/") + "/"
    return SandboxConfig(webhook_secret=_secrets(settings, peppers).test, webhook_prefix=ours)


def _secrets(settings: Settings, peppers: Peppers) -> HookSecrets:
    """What the sandbox signs with is the same at every gateway of a store, because its calls may come to any."""
    given = settings.upstream_webhook_secret
    derived = hmac.digest(peppers.versions[peppers.current], _PURPOSE, "sha256").hex()
    if given is None:
        return HookSecrets(live=derived, test=derived)
    return HookSecrets(live=given.get_secret_value(), test=given.get_secret_value() if settings.sandboxed else derived)


def _redacting(settings: Settings) -> Callable[[bytes], bytes]:
    if settings.sandboxed:
        return lambda body: body
    key = upstream_key(settings)
    return lambda body: body.replace(key().encode(), _REDACTED)
