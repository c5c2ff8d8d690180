"""The first table: the upstream asked directly, through nginx, through a bare aiohttp proxy, and through ours."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.figures import Pair, Spread, middle
from bench.house import House, open_house
from bench.jobs import submits
from bench.measure import Measured, Target, alone, measure, saturating, steady
from bench.nginx import running_nginx
from bench.policies import team_name
from bench.processes import ELSEWHERE, HOST, MEASURED, PYTHON, free_port, listens, resident_bytes, running
from bench.upstream import COST

DIRECT: Final = "direct"
NGINX: Final = "nginx proxy_pass"
UNAWARE: Final = "bare aiohttp proxy, without hook and deadline"
BARE: Final = "bare aiohttp proxy"
OURS: Final = "tollhouse"

_ROUNDS: Final = 3
_SHARE: Final = 0.7


class Wrong(Exception):
    """What was measured was not what it should have been: the figures are worth nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. Latencies are what the target adds to the direct ones, except the direct row's own.

    `quiet` is at concurrency 1; `loaded` at `rate` a second, which is 70 % of what the target takes at most.
    """

    name: str
    per_second: float
    cpu_us: float
    store_us: float
    exporter_us: float
    quiet: Spread
    loaded: Spread | None
    rate: float
    resident: int


@dataclass(frozen=True, slots=True)
class Comparison:
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]

    @property
    def added(self) -> Spread:
        return next(row.quiet for row in self.rows if row.name == OURS)


@contextmanager
def _targets(directory: Path) -> Iterator[tuple[list[Target], House, str]]:
    with ExitStack() as stack:
        port, bare, unaware = free_port(), free_port(), free_port()
        command = [PYTHON, "-m", "bench.upstream", str(port)]
        upstream = stack.enter_context(running(command, directory / "upstream", ELSEWHERE, listens(port)))
        nginx = stack.enter_context(running_nginx(directory / "nginx", port))
        command = [PYTHON, "-m", "bench.bare_proxy", f"http://{HOST}:{port}", str(bare)]
        proxy = stack.enter_context(running(command, directory / "bare", MEASURED, listens(bare)))
        loose = stack.enter_context(
            running([*command[:-1], str(unaware), "unaware"], directory / "unaware", MEASURED, listens(unaware))
        )
        house = stack.enter_context(open_house(directory / "house", port))
        key = house.issue_key(team_name(0))
        plain = submits(["pb_bench"])
        between = [] if nginx is None else [Target(NGINX, *nginx, plain)]
        ours = Target(OURS, house.port, house.process, submits([key]), house.store, house.exporter)
        bares = Target(UNAWARE, unaware, loose, plain), Target(BARE, bare, proxy, plain)
        yield [Target(DIRECT, port, upstream, plain), *between, *bares, ours], house, key


def compare(directory: Path, pairs: int, seconds: float) -> Comparison:
    """Measure everything. Raises Wrong when the money does not add up, UnexpectedAnswer for any answer but a job."""
    with _targets(directory) as (targets, house, key):
        for target in targets:
            measure(target, saturating(seconds / 4))
        busy = _saturate(targets, pairs, seconds)
        quiet = _ask_quietly(targets, seconds / 2)
        rows = tuple(_row(target, targets[0], busy[target.name], quiet, seconds) for target in targets)
        _check_books(targets[-1], house, key)
    found = zip(busy[BARE], busy[OURS], strict=True)
    return Comparison(rows, tuple(Pair(bare.load.per_second, ours.load.per_second) for bare, ours in found))


def _saturate(targets: list[Target], pairs: int, seconds: float) -> Mapping[str, list[Measured]]:
    """The bare proxy and ours by turns; the others once, before."""
    named = {target.name: target for target in targets}
    busy = {name: [measure(one, saturating(seconds))] for name, one in named.items() if name not in (BARE, OURS)}
    busy |= {BARE: [], OURS: []}
    for _ in range(pairs):
        for name in (BARE, OURS):
            busy[name].append(measure(named[name], saturating(seconds)))
    return busy


def _ask_quietly(targets: list[Target], seconds: float) -> Mapping[str, Spread]:
    rounds = [{one.name: measure(one, alone(seconds)).load.spread for one in targets} for _ in range(_ROUNDS)]
    return {one.name: middle([each[one.name] for each in rounds]) for one in targets}


def _row(target: Target, direct: Target, busy: list[Measured], quiet: Mapping[str, Spread], seconds: float) -> Row:
    per_second = median(one.load.per_second for one in busy)
    rate = _SHARE * per_second
    loaded = None
    if target is not direct:
        loaded = measure(target, steady(rate, seconds)).load.spread - measure(direct, steady(rate, seconds)).load.spread
    return Row(
        target.name,
        per_second,
        median(one.cpu_us for one in busy),
        median(one.store_us for one in busy),
        median(one.exporter_us for one in busy),
        quiet[target.name] if target is direct else quiet[target.name] - quiet[direct.name],
        loaded,
        rate,
        resident_bytes(target.process),
    )


def _check_books(ours: Target, house: House, key: str) -> None:
    """Every answer was charged, once, and nothing is left held. Raises Wrong."""
    for name, row in house.limits(key).items():
        if row["meter"] != "usd":
            continue
        posted, held = (round(float(row[figure]) * 1_000_000) for figure in ("posted", "held"))
        if posted != ours.answers * COST or held != 0:
            raise Wrong(f"{name}: {posted} posted and {held} held after {ours.answers} answers of {COST} each")
