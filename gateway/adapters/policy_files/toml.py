"""TOML documents: parsing a file, and looking into what may hold anything.

The rule of this file: what has another type than was looked for counts as empty.
"""

from collections.abc import Mapping
from typing import TypeAlias

import tomli

from gateway.core.complaint import Complaint

Toml: TypeAlias = Mapping[str, object]


def parse(file: str, text: str) -> Toml | tuple[Complaint, ...]:
    """The document in the text of `file`, or the complaint that there is none."""
    try:
        return tomli.loads(text)
    except (ValueError, RecursionError) as mistake:
        return (Complaint(file, "", f"is not TOML: {mistake}"),)


def table(value: object) -> Toml:
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def strings(value: object) -> list[tuple[int, str]]:
    """The strings of an array, each with its index."""
    return [(index, one) for index, one in enumerate(array(value)) if isinstance(one, str)]


def tables(name: str, document: Toml) -> list[tuple[str, Toml]]:
    """The tables of the array `name`, each with its key: `limit[0]`."""
    return [(f"{name}[{index}]", table(one)) for index, one in enumerate(array(document.get(name)))]
