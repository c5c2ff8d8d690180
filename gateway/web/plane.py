"""What the data plane's handlers work with, given to them by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.principal import Principal
from gateway.ports import Clock, Telemetry
from gateway.service.hooks import Hooks
from gateway.service.job_desk import JobDesk
from gateway.service.passage import Passage
from gateway.service.policy_desk import PolicyDesk
from gateway.service.preview import Previews
from gateway.service.readiness import Probe
from gateway.service.submit import Asked, Submitted
from gateway.web.auth import Auth


@dataclass(frozen=True, slots=True)
class DataPlane:
    """`max_body` is in bytes, `body_timeout` in seconds. Without `hooks` the upstream cannot call us."""

    auth: Auth
    submit: Callable[[Asked], Awaitable[Submitted]]
    previews: Previews
    job_desk: JobDesk
    passage: Passage
    desk: PolicyDesk
    telemetry: Telemetry
    clock: Clock
    max_body: int
    body_timeout: float
    hooks: Hooks | None = None

    def contact(self, principal: Principal) -> str | None:
        """Whom the principal's team asks about its limits, if its policy says so."""
        rules = self.desk.current
        team = rules.policies.teams.get(principal.team) if rules else None
        return team.owner if team else None


PLANE: Final = web.AppKey("plane", DataPlane)
PROBE: Final = web.AppKey("probe", Probe)
