"""One load on one target, and what its processes spent on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

from bench.load import Address, Load, UnexpectedAnswer, closed_load, open_load
from bench.processes import HOST, cpu_seconds
from bench.store import BenchStore

CONNECTIONS: Final = 64

Pattern: TypeAlias = Callable[[Address, Sequence[bytes]], Load]


@dataclass(slots=True)
class Target:
    """Something to send submits to, and whose work is counted. `answers` are all that it ever gave."""

    name: str
    port: int
    process: int
    requests: Sequence[bytes] = field(repr=False)
    store: BenchStore | None = None
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, and microseconds of CPU for each answer: of the target, of its store, and of the store in scripts."""

    load: Load
    cpu_us: float
    store_us: float
    script_us: float


def saturating(seconds: float) -> Pattern:
    """As much as the target takes."""
    return partial(closed_load, connections=CONNECTIONS, seconds=seconds)


def alone(seconds: float) -> Pattern:
    """One request at a time."""
    return partial(closed_load, connections=1, seconds=seconds)


def steady(rate: float, seconds: float) -> Pattern:
    """So many requests a second, come what may."""
    return partial(open_load, connections=CONNECTIONS, rate=rate, seconds=seconds)


def measure(target: Target, pattern: Pattern) -> Measured:
    before = _spent(target)
    try:
        load = pattern((HOST, target.port), target.requests)
    except UnexpectedAnswer as error:
        raise UnexpectedAnswer(f"{target.name}: {error}") from None
    if target.store is not None:
        # What is exported later was submitted now, and the core is not free for anybody before.
        load = replace(load, seconds=load.seconds + target.store.settle())
    spent = [later - earlier for later, earlier in zip(_spent(target), before, strict=True)]
    target.answers += load.answers
    cpu, store, script = (one / load.answers for one in spent)
    return Measured(load, cpu, store, script)


def _spent(target: Target) -> tuple[float, float, float]:
    """Microseconds so far."""
    cpu = cpu_seconds(target.process) * 1e6
    if target.store is None:
        return cpu, 0.0, 0.0
    return cpu, cpu_seconds(target.store.process) * 1e6, target.store.script_us()
