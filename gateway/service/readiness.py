"""Whether a submit could be admitted now: what `/readyz` answers on both planes. The upstream plays no part in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.ports import Clock, StoreUnavailable, StoreVitals
from gateway.service.policy_desk import PolicyDesk

_MAX_SKEW_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was looked at, and whether it was well."""

    checks: Mapping[str, bool]

    @property
    def ready(self) -> bool:
        return all(self.checks.values())


@dataclass(slots=True)
class Probe:
    """Looks at everything an admission needs. `epoch` is the store's as this process knows it."""

    vitals: StoreVitals
    desk: PolicyDesk
    clock: Clock
    epoch: str
    draining: bool = False

    async def __call__(self) -> Readiness:
        checks = {"serving": not self.draining, "policies": self.desk.current is not None and not self.desk.kept_out}
        try:
            vitals = await self.vitals.read(self.clock.now())
        except StoreUnavailable:
            return Readiness({**checks, "store": False})
        return Readiness(
            {
                **checks,
                "store": True,
                "epoch": vitals.epoch == self.epoch,
                "thawed": not vitals.frozen,
                "clock": abs(vitals.clock_skew_seconds) <= _MAX_SKEW_S,
            }
        )
