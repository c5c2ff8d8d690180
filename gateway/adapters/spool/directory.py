"""The spool as this process uses it: its lines, and which holds still need theirs."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from gateway.adapters.spool.earlier import acceptances_in
from gateway.adapters.spool.files import Files
from gateway.adapters.spool.lines import Opened, Settled, encode_accepted, encode_opened, encode_sent, encode_settled
from gateway.adapters.spool.retention import Bounds
from gateway.adapters.spool.segment import Segment
from gateway.core.acceptance import Acceptance, Witness
from gateway.ports import Clock, SpoolUnavailable


class DirectorySpool:
    """Implements `ports.Spool`. `earlier` are the files of earlier processes, pinned until `recovered`."""

    def __init__(
        self,
        directory: Path,
        boot: str,
        machine: str | None,
        clock: Clock,
        bounds: Bounds,
        earlier: list[Segment],
        witness: Witness | None,
    ) -> None:
        self._boot = boot
        self._machine = machine
        self._bounds = bounds
        self._predecessors = tuple(dict.fromkeys(one.boot for one in earlier))
        self._witness = witness
        self._pinned: dict[str, Segment] = {}
        self._files = Files(directory, boot, clock, bounds, earlier, self._head)

    @property
    def fill(self) -> float:
        """How much of the room is taken by what the store has not acknowledged: at 1 there is none left."""
        return sum(one.size for one in self._files.segments if one.pins) / self._bounds.total

    @property
    def room(self) -> bool:
        return self.fill < 1

    def sent(self, hold_id: str) -> None:
        self._pin(hold_id, self._files.append(encode_sent(hold_id)))

    def accepted(self, acceptance: Acceptance) -> None:
        segment = self._files.append(encode_accepted(acceptance))
        segment.acceptances += 1
        self._witness = acceptance.witness or self._witness
        self._pin(acceptance.hold_id, segment)

    def acknowledged(self, hold_id: str) -> None:
        segment = self._pinned.pop(hold_id, None)
        if segment is not None:
            segment.pins -= 1

    def _pin(self, hold_id: str, segment: Segment) -> None:
        """Keep the newest line of a hold; what an older one said is in it."""
        self.acknowledged(hold_id)
        self._pinned[hold_id] = segment
        segment.pins += 1

    async def sync(self) -> None:
        await self._files.sync()

    def acceptances(self) -> Iterator[Acceptance]:
        for segment in tuple(self._files.segments):
            try:
                yield from acceptances_in(segment.path)
            except FileNotFoundError:
                # Dropped meanwhile, because nobody needed it any more.
                continue
            except OSError as error:
                raise SpoolUnavailable(f"the spool cannot be read: {error}") from None

    def recovered(self) -> None:
        for segment in self._files.segments:
            if segment.boot != self._boot:
                segment.pins = 0
        self._files.append(encode_settled(Settled(self._predecessors, ())))

    def sweep(self) -> None:
        """Drop what is not needed any more. Call it now and then. Raises SpoolUnavailable."""
        self._files.sweep()

    def close(self) -> None:
        """Note what is settled, so that the next process need not ask for it again."""
        if any(one.boot == self._boot for one in self._files.segments):
            with suppress(SpoolUnavailable):
                self._files.append(self._settled())
        self._files.close()

    def _head(self, number: int, file: str, now: datetime, kept: tuple[int, ...]) -> bytes:
        opened = Opened(self._boot, number, self._machine, file, now, self._witness, kept)
        return encode_opened(opened) + self._settled()

    def _settled(self) -> bytes:
        return encode_settled(Settled((self._boot,), tuple(self._pinned)))
