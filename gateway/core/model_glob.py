"""Which models a list of patterns names. `*` stands for any characters, `/` too; everything else for itself.

The rule of this file: a pattern matches a whole slug, letter by letter, or it does not match. Not a regular expression:
those may take for ever over a pattern with many stars.
"""

from functools import lru_cache


@lru_cache(maxsize=16_384)
def matches(patterns: tuple[str, ...], model: str) -> bool:
    """Whether any of the patterns matches `model`. No patterns match nothing."""
    return any(_matches(pattern, model) for pattern in patterns)


def _matches(pattern: str, model: str) -> bool:
    start, *parts = pattern.split("*")
    if not parts:
        return model == pattern
    if not model.startswith(start):
        return False
    at = len(start)
    *between, end = parts
    for part in between:
        found = model.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return model.endswith(end) and len(model) - len(end) >= at
