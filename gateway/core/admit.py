"""What a job that may run must find room for, and what a hold on it keeps of that."""

from dataclasses import dataclass, field

from gateway.core.account import Demand, RateDemand
from gateway.core.ledger import Charge


@dataclass(frozen=True, slots=True)
class Admit:
    """The job may run if all of this has room. In the order organization, team, key, then as in the file.

    `charges` are what a hold keeps of the demands.
    """

    demands: tuple[Demand, ...]
    rates: tuple[RateDemand, ...]
    charges: tuple[Charge, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "charges", tuple([_charge(demand) for demand in self.demands]))


def _charge(demand: Demand) -> Charge:
    return Charge(demand.account.name, demand.account.meter, demand.amount, demand.resets_at)
