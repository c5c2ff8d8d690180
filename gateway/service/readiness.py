"""Whether a submit could be admitted now: what `/readyz` answers on both planes. The upstream plays no part in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.finding import names
from gateway.service.guard import Guard
from gateway.service.policy_desk import PolicyDesk
from gateway.service.policy_watch import PolicyWatch


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was looked at, and whether it was well. What is `degraded` keeps no submit out, and is told all the same."""

    checks: Mapping[str, bool]
    degraded: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return all(self.checks.values())


@dataclass(slots=True)
class Probe:
    """Looks at everything an admission needs."""

    guard: Guard
    desk: PolicyDesk
    draining: bool = False
    watch: PolicyWatch | None = None

    async def __call__(self) -> Readiness:
        report = await self.guard.look()
        failed = names(report.findings)
        return Readiness(
            {
                "serving": not self.draining,
                "policies": self.desk.current is not None and not self.desk.kept_out,
                **{check.value: check not in failed for check in report.looked_at},
            },
            degraded=("policies_directory",) if self.watch is not None and self.watch.failed else (),
        )
