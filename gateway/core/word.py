"""Words that every submit looks up in mappings and sets, several times each.

`StrEnum` hashes a member by its name, in Python, and looks one up by another function of its own. So these are hashed
as the text they are, and whoever needs one in every submit keeps it under a name of its own.
"""

from enum import StrEnum


class Word(StrEnum):
    """One of a closed set of words, each equal to its text and hashed like it."""

    __hash__ = str.__hash__
