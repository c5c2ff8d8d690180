"""The committed mutants, and what can be said of them without running one."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: in `file` the text `find`, which stands there once, becomes `replace`.

    `invariant` is the number of the promise that it breaks; each test in `killed_by` fails for it.
    """

    name: str
    invariant: int
    file: str
    find: str
    replace: str
    killed_by: tuple[str, ...]

    def applied(self, text: str) -> str:
        """The file with the mistake in it. Raises ValueError when the text to find is not there once."""
        if (times := text.count(self.find)) != 1:
            raise ValueError(f"{self.name}: its text stands {times} times in {self.file}")
        return text.replace(self.find, self.replace)


def mutants() -> tuple[Mutant, ...]:
    """All of them, by invariant."""
    document = tomllib.loads((HERE / "mutants.toml").read_text(encoding="utf-8"))
    return tuple(sorted((_mutant(table) for table in document["mutant"]), key=lambda mutant: mutant.invariant))


def _mutant(table: Mapping[str, object]) -> Mutant:
    return Mutant(**{**table, "killed_by": tuple(table["killed_by"])})
