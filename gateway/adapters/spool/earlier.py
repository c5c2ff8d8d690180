"""What earlier processes left in the spool directory, read once at start.

Whatever the files say, reading them never fails for it: what does not read is counted, and makes the journal it is in
worthless as evidence of what was not sent. Only a file that cannot be opened is an error.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.adapters.spool.lines import Flaw, Line, Opened, Sent, Settled, decode
from gateway.adapters.spool.segment import Segment, identity, name_parts
from gateway.core.acceptance import Acceptance, Witness
from gateway.core.remains import Damage, Predecessor, Remains


def acceptances_in(path: Path) -> Iterator[Acceptance]:
    """The acceptances in one file, in order. Raises OSError."""
    return (line for line in decode(path.read_bytes()) if isinstance(line, Acceptance))


def read_earlier(directory: Path, machine: str | None) -> tuple[Remains, list[Segment]]:
    """What is there, and the files it is in, oldest first. `machine` is the machine's boot now. Raises OSError."""
    boots: dict[str, _Boot] = {}
    for (name, number), path in sorted(_files(directory)):
        boots.setdefault(name, _Boot(name)).read(path, number)
    for settled in [line for boot in boots.values() for line in boot.settled]:
        _settle(boots, settled)
    ordered = sorted(boots.values(), key=lambda boot: boot.segments[0].opened_at)
    remains = Remains(
        predecessors=tuple(boot.predecessor(machine) for boot in ordered),
        unsettled=tuple(line for boot in ordered for line in boot.unsettled.values()),
        witness=_newest(witness for boot in ordered for witness in boot.witnesses),
        damage=tuple(damage for boot in ordered for damage in boot.damage),
    )
    segments = [segment for boot in ordered for segment in boot.segments]
    return remains, sorted(segments, key=lambda segment: segment.opened_at)


def _files(directory: Path) -> Iterator[tuple[tuple[str, int], Path]]:
    for path in directory.iterdir():
        parts = name_parts(path.name)
        if parts is not None:
            yield parts, path


def _settle(boots: "dict[str, _Boot]", settled: Settled) -> None:
    """A later process brought to an end what earlier ones left."""
    for name in settled.boots:
        if name in boots:
            boots[name].keep_unsettled(settled)


def _newest(witnesses: Iterator[Witness]) -> Witness | None:
    """The last one; within an epoch, the one furthest along."""
    newest: Witness | None = None
    for witness in witnesses:
        if newest is None or witness.epoch != newest.epoch or witness.sequence > newest.sequence:
            newest = witness
    return newest


class _Boot:
    """The files of one earlier process, taken in line by line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.segments: list[Segment] = []
        self.unsettled: dict[str, Acceptance] = {}
        self.settled: list[Settled] = []
        self.witnesses: list[Witness] = []
        self.damage: list[Damage] = []
        self._sent: set[str] = set()
        self._opened: list[Opened] = []
        self._sound = True

    def read(self, path: Path, number: int) -> None:
        with path.open("rb") as file:
            status, data = os.fstat(file.fileno()), file.read()
        lines = list(decode(data))
        opened = lines[0] if lines and isinstance(lines[0], Opened) else None
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        self.segments.append(
            Segment(
                path,
                self.name,
                number,
                opened.opened_at if opened else modified,
                size=len(data),
                acceptances=sum(isinstance(line, Acceptance) for line in lines),
                pins=1,
            )
        )
        self._note_flaws(path, lines.count(Flaw.TORN), lines.count(Flaw.DAMAGED))
        self._note_opening(opened, number, status, empty=all(line is Flaw.TORN for line in lines))
        for line in lines:
            self._take_in(line)

    def _note_flaws(self, path: Path, torn: int, damaged: int) -> None:
        if torn or damaged:
            self.damage.append(Damage(path.name, bool(torn), damaged))
        self._sound = self._sound and not damaged

    def _note_opening(self, opened: Opened | None, number: int, status: os.stat_result, *, empty: bool) -> None:
        """A file must say that it is the one its name says; one that ends before its first line says nothing yet."""
        if opened is not None:
            true = (opened.boot, opened.number, opened.file) == (self.name, number, identity(status))
            self._sound = self._sound and true
            self._opened.append(opened)
        elif not empty:
            self._sound = False

    def _take_in(self, line: Line | Flaw) -> None:
        match line:
            case Sent(hold_id):
                self._sent.add(hold_id)
            case Acceptance():
                self.unsettled[line.hold_id] = line
                self.witnesses += [line.witness] if line.witness else []
            case Opened():
                self.witnesses += [line.witness] if line.witness else []
            case Settled(boots) if self.name in boots:
                self.keep_unsettled(line)
            case Settled():
                self.settled.append(line)
            case Flaw():
                pass

    def keep_unsettled(self, settled: Settled) -> None:
        self.unsettled = {name: line for name, line in self.unsettled.items() if name in settled.unsettled}

    def predecessor(self, machine: str | None) -> Predecessor:
        """Its last file says which others it needed; each must be there, with a beginning."""
        here = {opened.number for opened in self._opened}
        whole = (
            self._sound
            and machine is not None
            and {opened.machine for opened in self._opened} == {machine}
            and here.issuperset(self._opened[-1].kept)
        )
        return Predecessor(self.name, whole, frozenset(self._sent))
