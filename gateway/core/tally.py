"""What submissions came to by one set of rules, added up: by team, and by what refused them."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.account import Meter
from gateway.core.money import MicroUsd
from gateway.core.refused import Why
from gateway.core.value import value


@value
class ShadowName:
    """A shadow limit that a job of `team` met."""

    team: str
    name: str
    meter: Meter


@dataclass(slots=True)
class Share:
    """So many jobs, and the micro-USD that they held or would have held. `first` is when the first of them was."""

    jobs: int = 0
    amount: MicroUsd = 0
    first: datetime | None = None

    def add(self, amount: MicroUsd, at: datetime) -> None:
        self.jobs += 1
        self.amount += amount
        if self.first is None:
            self.first = at


@dataclass(slots=True)
class TeamTally:
    """One team's. `charged` (micro-USD) is what the admitted cost, less what came back of it.

    `newly_admitted` are those of the admitted that were refused when it happened, `newly_refused` the other way round.
    """

    admitted: Share = field(default_factory=Share)
    refused: Share = field(default_factory=Share)
    newly_admitted: Share = field(default_factory=Share)
    newly_refused: Share = field(default_factory=Share)
    charged: MicroUsd = 0


@dataclass(slots=True)
class Tally:
    """All of it. A team's test keys are a team of their own, `test:TEAM`.

    `changed` counts the jobs that came to something else than happened: another refusal too. `shadow` are admitted jobs
    that limits in shadow mode would have refused.
    """

    teams: dict[str, TeamTally] = field(default_factory=dict)
    refusals: dict[tuple[str, Why], Share] = field(default_factory=dict)
    shadow: dict[ShadowName, Share] = field(default_factory=dict)
    changed: int = 0

    def note(self, team: str, at: datetime, amount: MicroUsd, refused: Why | None, happened: Why | None) -> None:
        """One submission that came to `refused`, and to `happened` in reality; None is admitted."""
        sums = self._team(team)
        if refused is None:
            sums.admitted.add(amount, at)
        else:
            sums.refused.add(amount, at)
            share = self.refusals.get((team, refused))
            if share is None:
                share = self.refusals[team, refused] = Share()
            share.add(amount, at)
        if refused is None and happened is not None:
            sums.newly_admitted.add(amount, at)
        if refused is not None and happened is None:
            sums.newly_refused.add(amount, at)
        self.changed += refused != happened

    def charge(self, team: str, amount: MicroUsd) -> None:
        """So much was charged for a job of the team; less than nothing came back."""
        self._team(team).charged += amount

    def _team(self, team: str) -> TeamTally:
        sums = self.teams.get(team)
        if sums is None:
            sums = self.teams[team] = TeamTally()
        return sums
