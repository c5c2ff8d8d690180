"""What the SQL ledger has of submissions, as it is replayed: what was asked for, and what became of it.

The rule of this file: what is recorded is the provider's doing or ours, and never a decision that other rules would
repeat. So of a later move only its kind and the provider's amounts are taken over; which accounts it moves, and how
far, is reckoned anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from gateway.core.entry import Move
from gateway.core.ledger import TRANSITIONS, Flow, Outcome
from gateway.core.money import MicroUsd
from gateway.core.refused import Why
from gateway.core.value import value

# Which way amounts go in a step of this name: the table of a hold's life, read by outcomes.
FLOWS: Final[Mapping[str, Flow]] = {
    step.outcome.value: step.flow for row in TRANSITIONS.values() for step in row.values()
}

_CAPTURES: Final = frozenset({Outcome.CAPTURED, Outcome.ADOPTED, Outcome.OVERAGE})
_REFUNDS: Final = frozenset({Outcome.REFUNDED, Outcome.REFUNDED_LATE})


@value
class Request:
    """A submission that was held (`refused` None), or refused by a rule of ours.

    `options` are the priced fields of its input, defaults included, each with the option that was priced; `amount`
    (micro-USD) was held, or would have been: None where there was no price.
    """

    id: str
    at: datetime
    organization: str
    team: str
    key: str
    test: bool
    model: str
    version: str | None
    options: Mapping[str, str]
    amount: MicroUsd | None
    rate_card: str | None
    refused: Why | None = None


@value
class Later:
    """A later entry of a hold: what it is called, the facts in it, and the moves that it made."""

    hold: str
    at: datetime
    kind: str
    facts: Mapping[str, str]
    moves: tuple[Move, ...]


Recorded: TypeAlias = Request | Later


@value
class Turn:
    """One step of a recorded life. Its cost, as `ledger.shift` takes it, is `plus` less `minus` (micro-USD)."""

    flow: Flow
    plus: MicroUsd = 0
    minus: MicroUsd = 0


@dataclass(slots=True)
class Life:
    """What the provider has charged and given back for one hold so far, by what is recorded of it."""

    held: MicroUsd
    cost: MicroUsd = 0
    refunded: MicroUsd = 0

    def turn(self, later: Later) -> Turn:
        """The step that this entry is."""
        flow, facts = FLOWS.get(later.kind, Flow.NOTHING), later.facts
        if later.kind in _CAPTURES:
            self.cost = int(facts.get("cost", self.held))
            return Turn(flow, self.cost)
        if later.kind in _REFUNDS:
            self.refunded = int(facts.get("refunded", self.cost))
            return Turn(flow, self.refunded)
        if later.kind == Outcome.ADJUSTED:
            before, self.refunded = self.refunded, int(facts.get("refunded", self.refunded))
            return Turn(flow, before, self.refunded)
        if later.kind == Outcome.REBOUND:
            before, self.cost = self.cost, int(facts.get("cost", self.cost))
            return Turn(flow, self.cost, before)
        return Turn(flow)
