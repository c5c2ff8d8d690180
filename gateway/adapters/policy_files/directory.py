"""A directory of policy files, read into texts. The only module of this package that touches the disk.

The rule of this file: no file is passed over in silence. What is not read is complained of, README.md and names that
start with a dot excepted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final

from gateway.core.complaint import Complaint

MAX_BYTES: Final = 1024 * 1024

_DIRECTORIES: Final = ("teams", "prices")


@dataclass(frozen=True, slots=True)
class Directory:
    """Path below the directory -> text of every file, and what is wrong with those that could not be read."""

    files: dict[str, str]
    complaints: tuple[Complaint, ...]


@dataclass(frozen=True, slots=True)
class _Refused:
    sentence: str


def read_directory(root: Path) -> Directory:
    """Read `root`, and `teams` and `prices` in it. Links may lead anywhere inside `root`, as those of a mount do."""
    files: dict[str, str] = {}
    complaints: list[Complaint] = []
    for name, found in _entries(root, ""):
        if isinstance(found, str):
            files[name] = found
        else:
            complaints.append(Complaint(name, "", found.sentence))
    return Directory(files, tuple(sorted(complaints)))


def _entries(root: Path, below: str) -> Iterator[tuple[str, str | _Refused]]:
    """Every entry of one directory, with its text or why there is none."""
    try:
        paths = sorted((root / below).iterdir())
    except OSError as error:
        yield below or ".", _Refused(f"is not a directory that can be read: {error.strerror}")
        return
    for path in paths:
        name = path.relative_to(root).as_posix().encode(errors="backslashreplace").decode()
        if path.name == "README.md" or path.name.startswith("."):
            continue
        found = _entry(root, path)
        if found is not None:
            yield name, found
        elif name in _DIRECTORIES:
            yield from _entries(root, name)
        else:
            yield name, _Refused("is a directory that does not belong here")


def _entry(root: Path, path: Path) -> str | _Refused | None:
    """The text of a file; None for a directory."""
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(root.resolve()):
            return _Refused("is a link that leads out of the directory")
        mode = target.stat().st_mode
        if S_ISDIR(mode):
            return None
        return _text(target) if S_ISREG(mode) else _Refused("is not a regular file")
    except OSError as error:
        return _Refused(f"cannot be read: {error.strerror}")
    except RuntimeError:  # What Path.resolve raises for a loop of links, before Python 3.13.
        return _Refused("is a link that leads to itself")


def _text(path: Path) -> str | _Refused:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return _Refused(f"is larger than {MAX_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        return _Refused(f"is not UTF-8: byte {error.start} is wrong")
