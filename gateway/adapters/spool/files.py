"""The files of the spool as this process writes them: which one is next, when, and which ones go then.

A line is in the system's hands when `append` returns: it survives this process, however that ends. It survives the
machine only after `sync`.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from gateway.adapters.spool.group_sync import GroupSync
from gateway.adapters.spool.retention import Bounds, doomed
from gateway.adapters.spool.segment import Segment, file_name, identity
from gateway.ports import Clock, SpoolUnavailable

# The first lines of a file: of its number, its identity, when it is opened, and the numbers of those before it.
Head: TypeAlias = Callable[[int, str, datetime, tuple[int, ...]], bytes]


class Files:
    """`segments` are those of earlier processes at first, oldest first. Everything raises SpoolUnavailable."""

    def __init__(
        self, directory: Path, boot: str, clock: Clock, bounds: Bounds, segments: list[Segment], head: Head
    ) -> None:
        self.segments = segments
        self._directory = directory
        self._boot = boot
        self._clock = clock
        self._bounds = bounds
        self._head = head
        self._current: Segment | None = None
        self._number = 0
        self._new_names = False
        self._group_sync = GroupSync(self._prepare_sync)

    def append(self, line: bytes) -> Segment:
        """Write one line; the file it is in."""
        segment = self._current
        if segment is None or segment.size >= self._bounds.segment:
            segment = self._turn()
        try:
            segment.append(line)
        except OSError as error:
            self._current = None
            raise SpoolUnavailable(f"the spool cannot be written: {error}") from None
        return segment

    def sweep(self) -> None:
        """Drop what is not needed any more, and begin a new file where the present one is old."""
        now, current = self._clock.now(), self._current
        closed = [one for one in self.segments if one is not current]
        if doomed(closed, now, self._bounds) or (current and now - current.opened_at >= self._bounds.turn):
            self._turn()

    async def sync(self) -> None:
        """Flush to disk what was appended before the call."""
        try:
            await self._group_sync()
        except OSError as error:
            # What a file still says after a failed flush may not be what is on disk.
            self._current = None
            raise SpoolUnavailable(f"the spool cannot be flushed to disk: {error}") from None

    def close(self) -> None:
        for segment in self.segments:
            segment.close()

    def _turn(self) -> Segment:
        """Go on in a new file. It says which ones were kept before the others go: what is missing then, was lost."""
        now = self._clock.now()
        going = doomed(self.segments, now, self._bounds)
        kept = [one for one in self.segments if one not in going]
        try:
            segment = self._create(now, tuple(one.number for one in kept if one.boot == self._boot))
        except OSError as error:
            raise SpoolUnavailable(f"the spool cannot open a file: {error}") from None
        self.segments = [*kept, segment]
        self._current, self._number, self._new_names = segment, segment.number, True
        for one in going:
            one.remove()
        return segment

    def _create(self, now: datetime, kept: tuple[int, ...]) -> Segment:
        """The next file, with its first lines in it, or none at all."""
        number = self._number + 1
        path = self._directory / file_name(self._boot, number)
        # Truncated, because an earlier try that failed may have left a part of its first lines.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        segment = Segment(path, self._boot, number, now, size=0, descriptor=descriptor)
        try:
            segment.append(self._head(number, identity(os.fstat(descriptor)), now, kept))
        except OSError:
            segment.remove()
            raise
        return segment

    def _prepare_sync(self) -> Callable[[], None]:
        """The files to flush, by descriptors of their own: theirs may be closed before their turn has come."""
        unsynced = [one for one in self.segments if one.unsynced and one.descriptor is not None]
        descriptors: list[int] = []
        try:
            descriptors += [os.dup(one.descriptor) for one in unsynced if one.descriptor is not None]
            if self._new_names:
                descriptors.append(os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            _close(descriptors)
            raise
        for one in unsynced:
            one.unsynced = False
        self._new_names = False
        return lambda: _flush(descriptors)


def _flush(descriptors: list[int]) -> None:
    try:
        for descriptor in descriptors:
            os.fsync(descriptor)
    finally:
        _close(descriptors)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
