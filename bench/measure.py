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
    """Something to send submits to, and whose work is counted. `answers` are all that it ever gave.

    `exporter` is the process that brings what was submitted into the SQL ledger.
    """

    name: str
    port: int
    process: int
    requests: Sequence[bytes] = field(repr=False)
    store: BenchStore | None = None
    exporter: int | None = None
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, and microseconds of CPU for each answer: of the target, of its store, of the store in scripts, and of the
    exporter.
    """

    load: Load
    cpu_us: float
    store_us: float
    script_us: float
    exporter_us: float


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
        # What is exported later was submitted now.
        load = replace(load, seconds=load.seconds + target.store.settle())
    spent = [later - earlier for later, earlier in zip(_spent(target), before, strict=True)]
    target.answers += load.answers
    return Measured(load, *(one / load.answers for one in spent))


def _spent(target: Target) -> tuple[float, float, float, float]:
    """Microseconds so far."""
    cpu = cpu_seconds(target.process) * 1e6
    if target.store is None or target.exporter is None:
        return cpu, 0.0, 0.0, 0.0
    store, exporter = cpu_seconds(target.store.process) * 1e6, cpu_seconds(target.exporter) * 1e6
    return cpu, store, target.store.script_us(), exporter
