"""The tables as text: Markdown, so that what is printed is what `docs/performance.md` holds."""

from collections.abc import Iterator, Sequence
from typing import Final

from bench.comparison import Comparison, Row
from bench.figures import Judgement, Spread
from bench.growth import Cost, Grown

_COMPARISON: Final = (
    "",
    "answers/s",
    "CPU us",
    "store us",
    "exporter us",
    "p50 alone ms",
    "p99 alone ms",
    "p50 at 70 % ms",
    "p99 at 70 % ms",
    "MiB",
)
_GROWTH: Final = ("", "p50 ms", "few p50 ms", "ratio", "CPU us", "few", "store us", "few", "script us", "few")


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The first table. Latencies of all rows but the first are added to the direct ones."""
    yield from _table(_COMPARISON, [_comparison_cells(row) for row in comparison.rows])


def _comparison_cells(row: Row) -> tuple[str, ...]:
    beside = (f"{cost:.0f}" if cost else "" for cost in (row.store_us, row.exporter_us))
    figures = (f"{row.per_second:.0f}", f"{row.cpu_us:.0f}", *beside)
    return row.name, *figures, *_milliseconds(row.quiet), *_milliseconds(row.loaded), f"{row.resident / 2**20:.0f}"


def _milliseconds(spread: Spread | None) -> tuple[str, str]:
    return ("", "") if spread is None else (f"{spread.p50 * 1000:.3f}", f"{spread.p99 * 1000:.3f}")


def growth_lines(grown: Sequence[Grown]) -> Iterator[str]:
    """The second table, and below it what there is to say of each row."""
    yield from _table(_GROWTH, [_growth_cells(one) for one in grown])
    yield ""
    for one in grown:
        yield f"- {one.many.what}: {one.note}"


def _growth_cells(grown: Grown) -> tuple[str, ...]:
    few, many = grown.few, grown.many
    pairs = zip(_costs(many), _costs(few), strict=True)
    p50 = (f"{many.p50 * 1000:.3f}", f"{few.p50 * 1000:.3f}", f"{grown.growth.ratio:.2f}")
    return many.what, *p50, *(f"{figure:.0f}" for pair in pairs for figure in pair)


def _costs(cost: Cost) -> tuple[float, float, float]:
    return cost.cpu_us, cost.store_us, cost.script_us


def judgement_lines(judgements: Sequence[Judgement]) -> Iterator[str]:
    for judgement in judgements:
        yield f"{'ok  ' if judgement.met else 'FAIL'} {judgement.sentence}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    yield _line(head, widths)
    yield "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    for row in rows:
        yield _line(row, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if not column else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"
