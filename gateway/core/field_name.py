"""When are two field names so alike that somebody's parser may take one for the other?

The rule of this file: names that differ only in case, marks, width, separators or invisible characters are alike.
"""

import unicodedata
from functools import lru_cache
from typing import Final

_ASCII: Final = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}
_SHORT: Final = 64


def fold(name: str) -> str:
    """What is left of a name that matters: `hasSound`, `has-sound` and `ｈas_sound\u200b` all become `hassound`.

    Field names that cost money are ASCII, so a name with any other letter or digit is like none of them: it becomes "".
    """
    if name.isascii():
        return _fold_ascii(name) if len(name) <= _SHORT else name.translate(_ASCII)
    folded: list[str] = []
    for character in name:
        part = _fold_character(character)
        if not part.isascii():
            return ""
        folded.append(part)
    return "".join(folded)


@lru_cache(maxsize=4096)
def _fold_ascii(name: str) -> str:
    """Remembered, because the fields of most bodies have the same few names."""
    return name.translate(_ASCII)


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Remembered, because a hostile body can hold hundreds of thousands of characters that take a microsecond each."""
    parts = unicodedata.normalize("NFKD", character)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return "".join(part for part in bare.casefold().replace("ı", "i") if part.isalnum())


def shown(name: str) -> str:
    """A client's field name, fit for a message: escaped and cut short, since nobody may see the end of such a name."""
    return ascii(name[:64])[1:-1]
