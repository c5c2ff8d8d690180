"""Epochs: which history of the store an entry belongs to, so that entries of two histories are never taken for one.

The rule of this file: an epoch is `<lineage>.<n>`. The lineage is random and made once, with the store; `n` counts up
whenever history was lost, and again when admission goes on. (epoch, sequence) names an entry for ever.
"""

import re
from typing import Final

_NUMBERED: Final = re.compile(r"(?P<lineage>.*)\.(?P<number>[0-9]+)", re.DOTALL)


def first_epoch(lineage: str) -> str:
    """Of a fresh store."""
    return f"{lineage}.1"


def lineage(epoch: str) -> str:
    """The part that stays as long as the store is the same one."""
    numbered = _NUMBERED.fullmatch(epoch)
    return numbered["lineage"] if numbered else epoch


def number(epoch: str) -> int:
    """How often it was begun anew. An epoch without a number is a first one."""
    numbered = _NUMBERED.fullmatch(epoch)
    return int(numbered["number"]) if numbered else 1


def successor(epoch: str, known: str) -> str:
    """The epoch after `epoch`; after `known` too, where that is a later one of the same store."""
    newest = max(number(epoch), number(known)) if lineage(epoch) == lineage(known) else number(epoch)
    return f"{lineage(epoch)}.{newest + 1}"
