"""One file of the spool, and what in it is still needed.

A file is only ever appended to, one whole line in one write. After a write that failed it is never written to again:
what the write left behind is its torn end.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"([0-9A-Za-z_-]+)\.([0-9]+)\.jsonl")


def file_name(boot: str, number: int) -> str:
    return f"{boot}.{number}.jsonl"


def name_parts(name: str) -> tuple[str, int] | None:
    """The boot and number that a file's name says, None for what is no file of the spool."""
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def identity(status: os.stat_result) -> str:
    """Which file this is. A copy of it, put back in its place, is another one."""
    return f"{status.st_dev}:{status.st_ino}"


@dataclass(slots=True, eq=False)
class Segment:
    """A file of the spool. `pins` counts what keeps it from being dropped: holds that are not settled yet.

    `descriptor` is None for the file of an earlier process: nothing more is written to it.
    """

    path: Path
    boot: str
    number: int
    opened_at: datetime
    size: int
    acceptances: int = 0
    pins: int = 0
    unsynced: bool = False
    descriptor: int | None = None

    def append(self, line: bytes) -> None:
        """Write a line, whole. Raises OSError, also when the system took only a part of it."""
        if self.descriptor is None:
            raise OSError(f"{self.path.name} is not open")
        self.unsynced = True
        written = os.write(self.descriptor, line)
        self.size += written
        if written != len(line):
            raise OSError(f"{written} of {len(line)} bytes were written")

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def remove(self) -> None:
        """Drop the file. One that cannot be removed is found again by the next process, and harmless until then."""
        self.close()
        with suppress(OSError):
            self.path.unlink()
