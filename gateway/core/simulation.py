"""What was recorded, told by other rules: what happened, what the live rules would have made of it, and the proposed.

The rule of this file: every world hears of the same submissions in the same order, and of the later life only of those
that it admitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.account import Balance
from gateway.core.durations import Durations
from gateway.core.headroom_curve import Curves
from gateway.core.ledger import Outcome
from gateway.core.plan import Rules
from gateway.core.recorded import Later, Life, Recorded, Request
from gateway.core.refusal import shadow_refusals
from gateway.core.replay import Judged, Replay, posted
from gateway.core.tally import ShadowName, Share, Tally
from gateway.core.value import value
from gateway.core.window import Calendar, WindowKind

# After these nothing moves any more.
_OVER = frozenset({Outcome.FINISHED, Outcome.FINISHED_LATE})


@dataclass(slots=True)
class World:
    """One set of rules, and what came of it."""

    replay: Replay
    calendar: Calendar
    tally: Tally = field(default_factory=Tally)
    curves: Curves = field(default_factory=Curves)

    def submit(self, asked: Request, team: str) -> Judged:
        """Decide it, and count it."""
        judged = self.replay.submit(asked)
        admitted = judged.refused is None
        self.tally.note(team, asked.at, judged.amount, judged.refused, asked.refused)
        if judged.demands:
            day = self.calendar.containing(WindowKind.DAY, asked.at).label
            self.curves.note(day, team, judged.demands, judged.balances, admitted=admitted)
        if admitted:
            self._shadow(asked, team, judged)
            self.tally.charge(team, judged.charged)
        return judged

    def _shadow(self, asked: Request, team: str, judged: Judged) -> None:
        if not [demand for demand in judged.demands if not demand.enforced]:
            return
        for one in shadow_refusals(judged.demands, judged.balances):
            account = one.demand.account
            name = ShadowName(team, account.limit, account.meter)
            self.tally.shadow.setdefault(name, Share()).add(judged.amount, asked.at)


def world(rules: Rules, opening: Mapping[str, Balance], lasting: Durations) -> World:
    """The world of these rules, before anything is told."""
    return World(Replay(rules, opening, lasting), rules.policies.organization.calendar)


@value
class Decided:
    """One submission: what each world made of it, in the order of the worlds."""

    asked: Request
    judged: tuple[Judged, ...]


@dataclass(slots=True)
class Simulation:
    """All worlds together. `happened` is the real one, in which nothing has to be decided."""

    worlds: tuple[World, ...]
    happened: Tally = field(default_factory=Tally)
    _lives: dict[str, tuple[Life, str]] = field(default_factory=dict)

    def tell(self, recorded: Recorded) -> Decided | None:
        """What comes next."""
        if isinstance(recorded, Request):
            return self._submitted(recorded)
        self._later(recorded)
        return None

    def _submitted(self, asked: Request) -> Decided:
        team = f"test:{asked.team}" if asked.test else asked.team
        self.happened.note(team, asked.at, asked.amount or 0, asked.refused, asked.refused)
        if asked.refused is None:
            self._lives[asked.id] = Life(asked.amount or 0), team
        return Decided(asked, tuple([world.submit(asked, team) for world in self.worlds]))

    def _later(self, later: Later) -> None:
        life, team = self._lives.get(later.hold, (None, ""))
        if life is None:
            # Of something that was admitted before all this.
            for world in self.worlds:
                world.replay.moved(later.at, later.moves)
            return
        turn, over = life.turn(later), later.kind in _OVER
        self.happened.charge(team, posted(turn.flow, turn.plus - turn.minus))
        for world in self.worlds:
            world.tally.charge(team, world.replay.turn(later.hold, turn, later.at))
            if over:
                world.replay.forget(later.hold)
        if over:
            del self._lives[later.hold]
