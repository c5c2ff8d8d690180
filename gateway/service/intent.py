"""One move that a gateway wants the store to make, as a value that can wait."""

from collections.abc import Mapping
from dataclasses import field

from gateway.core.ledger import Hold, Verb
from gateway.core.money import MicroUsd
from gateway.core.reply import Reply
from gateway.core.value import value


@value
class Intent:
    """One move to make: see `ports.Ledger.move`."""

    verb: Verb
    hold: Hold
    job: str = ""
    cost: MicroUsd = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    reply: Reply | None = None


def job_bound(hold: Hold) -> Intent:
    """What a capture turns into when the job it names is another hold's already."""
    return Intent(Verb.DOUBT, hold, facts={"cause": "job id bound to another hold"})
