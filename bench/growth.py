"""The second table: what one submit costs as keys, teams, open holds and limits grow.

The rule of this file: few and many are measured by turns, so that what else the machine does falls on both alike.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.crowd import crowd_of_holds, crowd_of_keys
from bench.figures import Growth
from bench.house import House, open_house
from bench.jobs import submits
from bench.measure import Measured, Target, alone, measure, saturating
from bench.policies import LIMITS, team_name
from bench.processes import ELSEWHERE, PYTHON, free_port, listens, resident_bytes, running
from gateway.adapters.policy_files import load, read_directory

MANY_LIMITS: Final = 50
_ROUNDS: Final = 5
_USED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many are many."""

    keys: int
    teams: int
    holds: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one submit cost: p50 in seconds, the rest in microseconds for each submit."""

    what: str
    p50: float
    cpu_us: float
    store_us: float
    script_us: float


@dataclass(frozen=True, slots=True)
class Grown:
    """One comparison of few with many, and what else there is to say of the many. Limits grow by more than 1.5."""

    few: Cost
    many: Cost
    note: str
    judged: bool = True

    @property
    def growth(self) -> Growth:
        return Growth(self.many.what, self.few.p50, self.many.p50)


def grow(directory: Path, sizes: Sizes, seconds: float) -> Iterator[Grown]:
    """Measure everything, one comparison after the other."""
    with _upstream(directory) as upstream:
        small = directory / "small"
        with open_house(small, upstream) as house:
            few = _target(house, [house.issue_key(team_name(0))])
            measure(few, saturating(seconds))
            for case in (_keys, _teams, _holds, _limits):
                yield case(directory, upstream, sizes, few, seconds)


@contextmanager
def _upstream(directory: Path) -> Iterator[int]:
    port = free_port()
    with running([PYTHON, "-m", "bench.upstream", str(port)], directory / "upstream-log", ELSEWHERE, listens(port)):
        yield port


def _target(house: House, keys: "list[str] | tuple[str, ...]") -> Target:
    return Target("tollhouse", house.port, house.process, submits(keys), house.store, house.exporter)


def _keys(directory: Path, upstream: int, sizes: Sizes, few: Target, seconds: float) -> Grown:
    with open_house(directory / "keys", upstream) as house:
        before, used = house.store.memory(), min(_USED, sizes.keys)
        secrets = crowd_of_keys(house, sizes.keys, used)
        grown = (house.store.memory() - before) / sizes.keys
        many = _target(house, secrets)
        resident = resident_bytes(house.process)
        measure(many, saturating(seconds))
        remembered = (resident_bytes(house.process) - resident) / used
        note = f"store {grown:.0f} bytes a key; gateway at most {remembered:.0f} bytes a key in use, {used:,} in turn"
        return _by_turns(few, many, f"{sizes.keys:,} keys", note, seconds)


def _teams(directory: Path, upstream: int, sizes: Sizes, few: Target, seconds: float) -> Grown:
    with open_house(directory / "teams", upstream, teams=sizes.teams) as house:
        compiled = _compile_seconds(directory / "teams" / "policies")
        used = min(_USED, sizes.teams)
        many = _target(house, crowd_of_keys(house, used, used, teams=used))
        measure(many, saturating(seconds))
        memory = resident_bytes(house.process) / 2**20
        note = f"policies compile in {compiled:.1f} s, first start {house.started_s:.1f} s, gateway {memory:.0f} MiB"
        return _by_turns(few, many, f"{sizes.teams:,} teams", f"{note}; {used:,} teams in turn", seconds)


def _compile_seconds(policies: Path) -> float:
    found = read_directory(policies)
    began = time.process_time()
    load(found.files, found.complaints)
    return time.process_time() - began


def _holds(directory: Path, upstream: int, sizes: Sizes, few: Target, seconds: float) -> Grown:
    with open_house(directory / "holds", upstream) as house:
        many = _target(house, [house.issue_key(team_name(0))])
        measure(many, alone(0.0))
        before, resident = house.store.memory(), resident_bytes(house.process)
        crowd_of_holds(house, sizes.holds)
        grown = (house.store.memory() - before) / sizes.holds
        more = max(resident_bytes(house.process) - resident, 0) / sizes.holds
        measure(many, saturating(seconds))
        note = f"store {grown:.0f} bytes a hold, gateway {more:.0f}"
        return _by_turns(few, many, f"{sizes.holds:,} open holds", note, seconds)


def _limits(directory: Path, upstream: int, sizes: Sizes, few: Target, seconds: float) -> Grown:
    with open_house(directory / "limits", upstream, limits=MANY_LIMITS) as house:
        many = _target(house, [house.issue_key(team_name(0))])
        measure(many, saturating(seconds))
        grown = _by_turns(few, many, f"{MANY_LIMITS} limits", "", seconds)
        more = MANY_LIMITS - LIMITS
        rises = {
            "p50": (grown.many.p50 - grown.few.p50) * 1e6,
            "gateway": grown.many.cpu_us - grown.few.cpu_us,
            "store": grown.many.store_us - grown.few.store_us,
        }
        note = ", ".join(f"{name} {rise / more:.1f} us" for name, rise in rises.items())
        return Grown(grown.few, grown.many, f"each limit more: {note}", judged=False)


def _by_turns(few: Target, many: Target, what: str, note: str, seconds: float) -> Grown:
    rounds = [(measure(few, alone(seconds)), measure(many, alone(seconds))) for _ in range(_ROUNDS)]
    small = _cost(f"1 key, 1 team, {LIMITS} limits", [one for one, _ in rounds])
    return Grown(small, _cost(what, [one for _, one in rounds]), note)


def _cost(what: str, measured: list[Measured]) -> Cost:
    def middle(figure: Callable[[Measured], float]) -> float:
        return median(figure(one) for one in measured)

    return Cost(
        what,
        middle(lambda one: one.load.spread.p50),
        middle(lambda one: one.cpu_us),
        middle(lambda one: one.store_us),
        middle(lambda one: one.script_us),
    )
