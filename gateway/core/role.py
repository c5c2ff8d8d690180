"""Who may do what on the control plane: roles, and the powers that each one has.

The rule of this file: the table below is the whole truth. A power is a verb on one kind of thing; a team lead has
powers within one team only, and everybody else within all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an admin key is for."""

    OWNER = "owner"
    OPERATOR = "operator"
    FINANCE = "finance"
    TEAM_LEAD = "team-lead"
    VIEWER = "viewer"


class Power(StrEnum):
    """What a route of the control plane needs."""

    READ_KEYS = "keys:read"
    CHANGE_KEYS = "keys:change"
    READ_POLICIES = "policies:read"
    CHANGE_POLICIES = "policies:change"
    READ_HOLDS = "holds:read"
    DECIDE_HOLDS = "holds:decide"
    READ_PRICES = "prices:read"
    CHANGE_PRICES = "prices:change"
    READ_WEBHOOKS = "webhooks:read"
    RESEND_WEBHOOKS = "webhooks:resend"
    TEAM_SECRETS = "team-secrets:change"
    READ_SPEND = "spend:read"
    READ_STATE = "state:read"
    READ_AUDIT = "audit:read"
    ADMIN_KEYS = "admin-keys:change"


_READ: Final = frozenset(
    {
        *(Power.READ_KEYS, Power.READ_POLICIES, Power.READ_HOLDS, Power.READ_PRICES, Power.READ_WEBHOOKS),
        *(Power.READ_SPEND, Power.READ_STATE),
    }
)

POWERS: Final[Mapping[Role, frozenset[Power]]] = {
    Role.OWNER: frozenset(Power),
    Role.OPERATOR: frozenset(Power) - {Power.ADMIN_KEYS},
    Role.FINANCE: _READ | {Power.READ_AUDIT},
    Role.TEAM_LEAD: frozenset(
        {
            *(Power.READ_KEYS, Power.CHANGE_KEYS, Power.READ_HOLDS, Power.READ_WEBHOOKS),
            *(Power.TEAM_SECRETS, Power.READ_SPEND),
        }
    ),
    Role.VIEWER: _READ,
}


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who asks the control plane: the admin key's id and name, and what it is for. Only a team lead has a `team`."""

    id: str
    name: str
    role: Role
    team: str | None = None

    def may(self, power: Power) -> bool:
        return power in POWERS[self.role]

    def sees(self, team: str) -> bool:
        """Whether what belongs to this team is there for them at all."""
        return self.team in (None, team)
