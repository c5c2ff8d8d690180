"""What a change of policies leaves behind: limits whose posted amounts count no more.

The rule of this file: a limit is the same limit as long as its name, owner, scope, meter and window are. Another
ceiling, mode or model filter keeps its figures; anything else starts at zero, and that must be said out loud.
"""

from collections.abc import Iterator
from typing import TypeAlias

from gateway.core.account import AccountScope, Meter
from gateway.core.policy_set import Limit, PolicySet
from gateway.core.window import WindowKind

_Nature: TypeAlias = tuple[AccountScope, Meter, WindowKind | None]


def left_behind(live: PolicySet, proposed: PolicySet) -> tuple[str, ...]:
    """Live limits that are gone or start anew under `proposed`, as `team/limit` or `organization/limit`.

    Those of a team that is removed as a whole are not among them: its removal is said by itself.
    """
    natures = dict(_natures(proposed))
    kept = {"organization", *proposed.teams}
    return tuple(
        f"{owner}/{name}"
        for (owner, name), nature in _natures(live)
        if owner in kept and natures.get((owner, name)) != nature
    )


def _natures(policies: PolicySet) -> Iterator[tuple[tuple[str, str], _Nature]]:
    for limit in policies.organization.limits:
        yield ("organization", limit.name), _nature(limit)
    for team in policies.teams.values():
        for limit in team.limits:
            yield (team.slug, limit.name), _nature(limit)


def _nature(limit: Limit) -> _Nature:
    return limit.scope, limit.meter, limit.window
