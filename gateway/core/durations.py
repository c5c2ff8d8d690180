"""How long jobs run, by what is recorded of others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median_low
from typing import Final

# Of a history in which no job has ended.
_A_WHILE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Durations:
    """The median by model, from the hold to the end; `usual` is that of all."""

    by_model: Mapping[str, timedelta] = field(default_factory=dict)
    usual: timedelta = _A_WHILE

    def of(self, model: str) -> timedelta:
        return self.by_model.get(model, self.usual)


def durations(ended: Iterable[tuple[str, timedelta]]) -> Durations:
    """By some jobs that ended: the model of each, and how long it ran."""
    by_model: defaultdict[str, list[timedelta]] = defaultdict(list)
    for model, lasted in ended:
        by_model[model].append(lasted)
    every = [lasted for some in by_model.values() for lasted in some]
    if not every:
        return Durations()
    return Durations({model: median_low(some) for model, some in by_model.items()}, median_low(every))
