"""In which line of a TOML text a key stands. `tomllib` does not tell.

The rule of this file: it only helps to find things. A key that it does not see is looked for at the table around it,
and a text that it misunderstands costs somebody a look, nothing else.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.core.complaint import Complaint

_TABLE: Final = re.compile(r"\s*\[(?P<array>\[?)\s*(?P<name>[^\[\]]+?)\s*\]")
_KEY: Final = re.compile(r"""\s*(?P<name>[0-9A-Za-z_-]+(?:\s*\.\s*[0-9A-Za-z_-]+)*|"[^"=]*"|'[^'=]*')\s*=""", re.ASCII)
_ELEMENT: Final = re.compile(r"\s*\{")
_LAST: Final = re.compile(r'(\[\d+\]|\.?(?:[^.\[\]"]+|"(?:[^"\\]|\\.)*"))$')
_SYNTAX: Final = re.compile(r"\(at line (\d+), column \d+\)$")


def placed(complaint: Complaint, text: str) -> Complaint:
    """The complaint, with the line of the text that it is about, where that can be told."""
    syntax = _SYNTAX.search(complaint.message)
    line = int(syntax[1]) if syntax and not complaint.key else _line_of(text, complaint.key)
    return complaint if line is None else complaint.at_line(line)


def _line_of(text: str, key: str) -> int | None:
    lines = _lines(text)
    while key:
        if key in lines:
            return lines[key]
        shorter = _LAST.sub("", key)
        # A key of a form that no complaint has ends the search at once.
        key = shorter if shorter != key else ""
    return None


def _lines(text: str) -> Mapping[str, int]:
    """Key as a complaint writes it -> the number of the line where it begins."""
    found: dict[str, int] = {}
    entries: dict[str, int] = {}
    table, last, quoted = "", "", False
    for number, line in enumerate(text.splitlines(), 1):
        begins_quoted = quoted
        quoted ^= (line.count('"""') + line.count("'''")) % 2 == 1
        if begins_quoted:
            continue
        if (header := _TABLE.match(line)) and not _KEY.match(line):
            table = last = _named(header["name"], bool(header["array"]), entries)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = key["name"] if key["name"].startswith('"') else key["name"].strip("'").replace(" ", "")
            last = f"{table}.{name}".removeprefix(".")
            found.setdefault(last, number)
        elif _ELEMENT.match(line):
            found.setdefault(_entry(last, entries), number)
    return found


def _named(header: str, array: bool, entries: dict[str, int]) -> str:
    """`model.factors` as `model[2].factors`, or as its next entry where the header begins one."""
    path = ""
    parts = [part.strip() for part in header.split(".")]
    for index, part in enumerate(parts):
        path = f"{path}.{part}".removeprefix(".")
        if array and index == len(parts) - 1:
            return _entry(path, entries)
        if path in entries:
            path = f"{path}[{entries[path] - 1}]"
    return path


def _entry(path: str, entries: dict[str, int]) -> str:
    entries[path] = entries.get(path, 0) + 1
    return f"{path}[{entries[path] - 1}]"
