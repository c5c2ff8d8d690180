"""Job by job what a simulation came to, as a table of comma-separated values.

The rule of this file: a row is written as soon as it is known, so a million of them need no memory.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from gateway.core.money import format_usd
from gateway.core.refused import Why
from gateway.core.simulation import Decided
from gateway.core.timestamp import timestamp

ADMITTED: Final = "admitted"
_ASKED: Final = ("id", "at", "team", "key", "test", "model", "version")
_CAME_TO: Final = ("", "_scope", "_limit", "_usd")


@contextmanager
def job_rows(path: Path | None, worlds: tuple[str, ...]) -> Iterator[Callable[[Decided], None]]:
    """Somewhere to put them; `worlds` are named in the order in which they are told of. Raises OSError."""
    if path is None:
        yield _nowhere
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _writer(file, worlds)


def _nowhere(_decided: Decided) -> None:
    """Nobody wants them."""


def _writer(file: TextIO, worlds: tuple[str, ...]) -> Callable[[Decided], None]:
    rows = csv.writer(file)
    rows.writerow([*_ASKED, *(name + part for name in ("happened", *worlds) for part in _CAME_TO)])

    def write(decided: Decided) -> None:
        asked = decided.asked
        row = [asked.id, timestamp(asked.at), asked.team, asked.key, str(asked.test).lower(), asked.model]
        row += [asked.version or "", *_came_to(asked.refused, asked.amount or 0)]
        for judged in decided.judged:
            row += _came_to(judged.refused, judged.amount)
        rows.writerow(row)

    return write


def _came_to(refused: Why | None, amount: int) -> list[str]:
    if refused is None:
        return [ADMITTED, "", "", format_usd(amount)]
    return [refused.code, refused.scope or "", refused.limit or "", format_usd(amount)]
