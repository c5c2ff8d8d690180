"""The organization's policy as values: what each team may run, and every limit and rate it meets.

The rule of this file: nothing here is text any more that could still be wrong; the loader of the policy files has seen
to that. A limit is known by the scope of its account, so `per = "key"` is a limit of scope `key`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.core.account import AccountScope, Meter
from gateway.core.admit import Admit
from gateway.core.field_name import fold
from gateway.core.memory import Memory
from gateway.core.model_glob import matches
from gateway.core.money import MicroUsd
from gateway.core.window import Calendar, WindowKind

ALL_MODELS: Final = ("*",)
_SCOPES: Final = tuple(AccountScope)
_REMEMBERED: Final = 4096


class RateWindow(StrEnum):
    """What a rate's requests are counted over."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"


_WINDOW_US: Final = {RateWindow.SECOND: 1_000_000, RateWindow.MINUTE: 60_000_000, RateWindow.HOUR: 3_600_000_000}


@dataclass(frozen=True, slots=True)
class Override:
    """Another ceiling for the instants in [`starts_at`, `ends_at`), UTC, and who wanted it why.

    `place` is where it stands among the overrides of its file.
    """

    ceiling: int
    starts_at: datetime
    ends_at: datetime
    reason: str
    approved_by: str
    place: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """One ceiling (micro-USD, or a count) on one meter in one window. `window` is None for `in_flight` alone.

    Counts only the models that `models` match. A limit that is not `enforced` is in shadow mode: recorded, and never
    refuses. `alert_at` are percentages of the ceiling. Overrides of one limit do not overlap.
    """

    name: str
    scope: AccountScope
    meter: Meter
    window: WindowKind | None
    ceiling: int
    models: tuple[str, ...] = ALL_MODELS
    enforced: bool = True
    alert_at: tuple[int, ...] = ()
    overrides: tuple[Override, ...] = ()

    def ceiling_at(self, now: datetime) -> int:
        """The ceiling in force at `now`, in the limit's own unit."""
        override = self.override_at(now)
        return self.ceiling if override is None else override.ceiling

    def override_at(self, now: datetime) -> Override | None:
        """The override in force at `now`, if one is."""
        for override in self.overrides:
            if override.starts_at <= now < override.ends_at:
                return override
        return None


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `requests` in a `window` on average, and `burst` at once (GCRA): one every `interval_us` microseconds."""

    name: str
    scope: AccountScope
    requests: int
    window: RateWindow
    burst: int
    interval_us: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Rounded up, so that never more than stated pass.
        object.__setattr__(self, "interval_us", -(-_WINDOW_US[self.window] // self.requests))


@dataclass(frozen=True, slots=True)
class Allow:
    """What a team may run. `models` None: what the organization's defaults say. `input` names the options of a field.

    `unmetered` lets models pass that feed no meter of a `seconds` limit they match.
    """

    models: tuple[str, ...] | None = None
    cost_per_job: MicroUsd | None = None
    input: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unmetered: bool = False
    look_alikes: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "look_alikes", {fold(name): name for name in self.input})


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """One team's file. `unlimited` says in so many words that no money limit of the team's own is wanted.

    `alerts_to` is called when its limits reach a threshold.
    """

    slug: str
    owner: str | None = None
    cost_center: str | None = None
    allow: Allow = field(default_factory=Allow)
    limits: tuple[Limit, ...] = ()
    rates: tuple[Rate, ...] = ()
    unlimited: bool = False
    alerts_to: str | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization's file: its calendar, what teams may run unless they say otherwise, and its own limits.

    `alerts_to` is called when one of these reaches a threshold.
    """

    slug: str
    calendar: Calendar
    models: tuple[str, ...] = ALL_MODELS
    limits: tuple[Limit, ...] = ()
    rates: tuple[Rate, ...] = ()
    alerts_to: str | None = None


def _memory() -> Memory[Admit]:
    return Memory(_REMEMBERED)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The organization and its teams, by slug. `admissions` remembers what jobs like it asked for: see `policy.py`."""

    organization: Organization
    teams: Mapping[str, TeamPolicy]
    admissions: Memory[Admit] = field(default_factory=_memory, init=False, repr=False, compare=False)
    _limits: Mapping[str, tuple[Limit, ...]] = field(init=False, repr=False, compare=False)
    _rates: Mapping[str, tuple[Rate, ...]] = field(init=False, repr=False, compare=False)
    _limits_on: dict[tuple[str, str], tuple[Limit, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        ours, teams = self.organization, self.teams.values()
        limits = {team.slug: tuple(sorted(ours.limits + team.limits, key=_order)) for team in teams}
        rates = {team.slug: tuple(sorted(ours.rates + team.rates, key=_order)) for team in teams}
        object.__setattr__(self, "_limits", limits)
        object.__setattr__(self, "_rates", rates)

    def limits(self, team: str) -> tuple[Limit, ...]:
        """Every limit that a job of the team may meet: organization, team, key, each in file order."""
        return self._limits[team]

    def limits_on(self, team: str, model: str) -> tuple[Limit, ...]:
        """Those of a team's limits that a job on this model meets. `model` is one that has a price."""
        known = self._limits_on.get((team, model))
        if known is None:
            if len(self._limits_on) >= _REMEMBERED:
                self._limits_on.clear()
            known = tuple(limit for limit in self._limits[team] if matches(limit.models, model))
            self._limits_on[team, model] = known
        return known

    def rates(self, team: str) -> tuple[Rate, ...]:
        """Every rate that a request of the team meets, in the same order."""
        return self._rates[team]

    def models(self, team: str) -> tuple[str, ...]:
        """The patterns of the models that the team may run."""
        own = self.teams[team].allow.models
        return self.organization.models if own is None else own

    def alerts_to(self, team: str | None) -> str | None:
        """Where alerts of a team's limits are sent, or of the organization's; None where nobody named an address."""
        if team is None:
            return self.organization.alerts_to
        return self.teams[team].alerts_to if team in self.teams else None

    def owners(self, team: str, key: str) -> Mapping[AccountScope, str]:
        """Whose account a limit or rate of each scope is counted on, for a team's slug and a key's id."""
        return {
            AccountScope.ORGANIZATION: self.organization.slug,
            AccountScope.TEAM: team,
            AccountScope.KEY: key,
        }


def _order(rule: Limit | Rate) -> int:
    return _SCOPES.index(rule.scope)
