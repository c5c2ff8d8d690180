"""`make bench`: both tables, and the verdict. Exits 1 when a requirement is not met, 2 when nothing could be measured.

Read ratios before figures: whatever else the machine does is in all of them.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.comparison import NGINX, Wrong, compare
from bench.figures import Judgement, judge_growth, judge_pairs
from bench.growth import Grown, Sizes, grow
from bench.load import UnexpectedAnswer
from bench.processes import CORES, DidNotStart, busy_share, pin_here
from bench.report import comparison_lines, growth_lines, judgement_lines

_IDLE = 0.1


def main() -> None:
    options = _options()
    pin_here()
    _say_how_busy()
    try:
        judgements = [*_compare(options), *_grow(options)]
    except (DidNotStart, UnexpectedAnswer, Wrong) as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        sys.exit(2)
    _print(judgement_lines(judgements))
    sys.exit(0 if all(one.met for one in judgements) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", choices=("comparison", "growth"), help="one of the two tables")
    parser.add_argument("--pairs", type=int, default=5, help="how often the bare proxy and ours are compared")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each load of the first table lasts")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--teams", type=int, default=10_000)
    parser.add_argument("--holds", type=int, default=1_000_000)
    return parser.parse_args()


def _compare(options: argparse.Namespace) -> tuple[Judgement, ...]:
    if options.only == "growth":
        return ()
    with _scratch() as directory:
        comparison = compare(directory, options.pairs, options.seconds)
    _print(comparison_lines(comparison))
    if all(row.name != NGINX for row in comparison.rows):
        print("nginx: not installed")
    return judge_pairs(comparison.pairs, comparison.added)


def _grow(options: argparse.Namespace) -> tuple[Judgement, ...]:
    if options.only == "comparison":
        return ()
    sizes = Sizes(options.keys, options.teams, options.holds)
    with _scratch() as directory:
        grown: tuple[Grown, ...] = tuple(grow(directory, sizes, options.seconds / 4))
    _print(growth_lines(grown))
    return tuple(judge_growth(one.growth) for one in grown if one.judged)


def _say_how_busy() -> None:
    if len(CORES) == 1:
        print("One core: what is measured shares it with the load, the upstream and the store.\n")
    busy = busy_share()
    if busy > _IDLE:
        print(f"The machine is not idle: {busy:.0%} of it was busy before anything was started.\n")


@contextmanager
def _scratch() -> Iterator[Path]:
    """A short path, in memory where there is some: sockets go there, and the stores' logs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


def _print(lines: Iterator[str]) -> None:
    print("\n".join([*lines, ""]), flush=True)


if __name__ == "__main__":
    main()
