"""What a change of policies and prices changes, and what it leaves behind.

The rule of this file: a limit is the same limit as long as its name, owner, scope, meter and window are. Another
ceiling, mode or model filter keeps its figures; anything else starts at zero, and that must be said out loud.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from gateway.core.plan import Rules
from gateway.core.policy_facts import ORGANIZATION, Facts, Place, Thing, facts_of
from gateway.core.policy_set import Limit, PolicySet

_NATURE: Final = ("meter", "window", "per")
# Fields that say in which order things stand, which are changes of their own.
ORDERS: Final = ("limits", "rates", "factors")
_THINGS: Final = tuple(Thing)


class Verb(StrEnum):
    """What happens to a thing. A limit that `starts anew` has the same name and counts from zero all the same."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    STARTS_ANEW = "starts_anew"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changes: the fields that differ, as they are and as they would be."""

    place: Place
    verb: Verb
    before: Facts
    after: Facts


def compare(live: Rules | None, proposed: Rules) -> tuple[Change, ...]:
    """Every change, the organization's first, then team by team, then prices. None: nothing is live yet."""
    before = {} if live is None else facts_of(live)
    after = facts_of(proposed)
    places = sorted({*before, *after}, key=_rank)
    found = (_change(place, before.get(place), after.get(place)) for place in places)
    return tuple(change for change in found if change is not None)


def left_behind(live: PolicySet, proposed: PolicySet) -> tuple[str, ...]:
    """Live limits that are gone or start anew under `proposed`, as `team/limit` or `organization/limit`.

    Those of a team that is removed as a whole are not among them: its removal is said by itself.
    """
    return tuple(f"{owner}/{limit.name}" for owner, limit in limits_left_behind(live, proposed))


def limits_left_behind(live: PolicySet, proposed: PolicySet) -> tuple[tuple[str, Limit], ...]:
    """The same, as the owner and the limit that is live."""
    following = {(owner, limit.name): limit for owner, limit in every_limit(proposed)}
    kept = {ORGANIZATION, *proposed.teams}
    return tuple(
        (owner, limit)
        for owner, limit in every_limit(live)
        if owner in kept and not continues(limit, following.get((owner, limit.name)))
    )


def left_out(live: Collection[str], proposed: Collection[str]) -> tuple[str, ...]:
    """Teams of the live files that the proposed ones lack, told by the names of files: a file that does not compile
    any more has its team all the same."""
    return tuple(sorted(_teams(live) - _teams(proposed)))


def every_limit(policies: PolicySet) -> Iterator[tuple[str, Limit]]:
    """Each limit with its owner: a team's slug, or `organization`."""
    yield from ((ORGANIZATION, limit) for limit in policies.organization.limits)
    for team in policies.teams.values():
        yield from ((team.slug, limit) for limit in team.limits)


def continues(limit: Limit, following: Limit | None) -> bool:
    """Whether what was counted on `limit` goes on to count."""
    if following is None:
        return False
    return (limit.scope, limit.meter, limit.window) == (following.scope, following.meter, following.window)


def _teams(files: Collection[str]) -> set[str]:
    paths = (PurePosixPath(path) for path in files)
    return {path.stem for path in paths if path.parent == PurePosixPath("teams") and path.suffix == ".toml"}


def _rank(place: Place) -> tuple[bool, bool, str, int, str]:
    prices = place.thing in (Thing.PRICE_FILE, Thing.PRICE)
    return prices, place.owner != ORGANIZATION, place.owner, _THINGS.index(place.thing), place.name


def _change(place: Place, before: Facts | None, after: Facts | None) -> Change | None:
    if before is None:
        return None if after is None else Change(place, Verb.ADDED, {}, after)
    if after is None:
        return Change(place, Verb.REMOVED, before, {})
    differing = [field for field in {**before, **after} if _differ(field, before, after)]
    if not differing:
        return None
    anew = place.thing is Thing.LIMIT and any(field in differing for field in _NATURE)
    return Change(place, Verb.STARTS_ANEW if anew else Verb.CHANGED, _only(before, differing), _only(after, differing))


def _differ(field: str, before: Facts, after: Facts) -> bool:
    """Two orders differ where what is in both stands in another order: what was added or removed is told by itself."""
    one, other = before.get(field), after.get(field)
    if field in ORDERS and isinstance(one, tuple) and isinstance(other, tuple):
        return [name for name in one if name in other] != [name for name in other if name in one]
    return one != other or (field in before) != (field in after)


def _only(facts: Facts, fields: Collection[str]) -> Facts:
    return {field: facts[field] for field in fields if field in facts}
