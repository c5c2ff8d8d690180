"""What was charged that is not what was quoted, by model and rate card.

The rule of this file: a price that is no whole number may be rounded either way, so one micro-USD is not drift.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.money import MicroUsd

_ROUNDED: Final = 1


@dataclass(frozen=True, slots=True)
class Charges:
    """So many jobs of a model, each quoted by a rate card and charged alike (micro-USD)."""

    model: str
    rate_card: str
    quoted: MicroUsd
    cost: MicroUsd
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Drift:
    """How many jobs were charged more than quoted, and how much more they were together; and less."""

    model: str
    rate_card: str
    jobs_above: int = 0
    above: MicroUsd = 0
    jobs_below: int = 0
    below: MicroUsd = 0


def drifted(quoted: MicroUsd, cost: MicroUsd) -> bool:
    """Whether a charge is another than was quoted."""
    return abs(cost - quoted) > _ROUNDED


def drifts(charges: Iterable[Charges]) -> tuple[Drift, ...]:
    """A line for each model and rate card by which something drifted, by their names."""
    found: dict[tuple[str, str], Drift] = {}
    for one in charges:
        if not drifted(one.quoted, one.cost):
            continue
        name, off = (one.model, one.rate_card), (one.cost - one.quoted) * one.jobs
        line = found.get(name, Drift(*name))
        if off > 0:
            line = replace(line, jobs_above=line.jobs_above + one.jobs, above=line.above + off)
        else:
            line = replace(line, jobs_below=line.jobs_below + one.jobs, below=line.below - off)
        found[name] = line
    return tuple(line for _, line in sorted(found.items()))
