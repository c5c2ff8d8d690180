"""A complaint is one mistake in one file, worded so that its author can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final, Self

_MEANT: Final = ": did you mean "


def meant(sentence: str, word: object, known: Iterable[str]) -> str:
    """The sentence, and behind it the one of `known` that the word nearly is, if it is text and there is one."""
    near = get_close_matches(word, known, n=1) if isinstance(word, str) else []
    return f"{sentence}{_MEANT}{near[0]}?" if near else sentence


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """`file` is the path below the policies directory, `key` the TOML key (`limit[1].ceiling`; empty: the file).

    `line` is where the key stands, counted from 1, where that can be told.
    """

    file: str
    key: str
    message: str
    line: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.message}"

    @property
    def suggestion(self) -> str | None:
        """What was probably meant, as the message says at its end."""
        _, found, nearest = self.message.rpartition(_MEANT)
        return nearest.removesuffix("?") if found else None

    def at_line(self, line: int) -> Self:
        return replace(self, line=line)
