"""Whether the store still has the history that this gateway knows: the regression fence, as a decision.

The rule of this file: a gateway writes only into a history that it has compared with its own memory. A store that was
restored to its past, emptied, or replaced by another lacks something that the memory has, and that is found here: by
the sequence, which must not be behind what was heard; by the newest entry that was acknowledged, which must be there;
and by the epoch, which only grows.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.core.acceptance import Witness
from gateway.core.epoch import lineage, number

# How long admission stays closed at least, once it was: time for every gateway that lives to say that it does. And how
# long one may be silent before it does not.
PATIENCE: Final = timedelta(seconds=5)
LIVES: Final = timedelta(seconds=10)


@dataclass(slots=True)
class Memory:
    """What one gateway knows of the ledger's history. `seen` is the highest sequence heard of in this epoch.

    `witness` is the newest entry of this epoch that the store acknowledged to us, None until there is one; `highest`
    the highest sequence ever heard of, in whatever epoch.
    """

    epoch: str
    seen: int = 0
    witness: Witness | None = None
    highest: int = 0

    def heard(self, epoch: str, sequence: int) -> None:
        """A reply to what was asked under `epoch` named this sequence. One of an earlier epoch tells nothing new."""
        self.highest = max(self.highest, sequence)
        if epoch == self.epoch:
            self.seen = max(self.seen, sequence)

    def wrote(self, epoch: str, sequence: int, entry: str) -> None:
        """A reply to what was asked under `epoch` acknowledged this entry; 0 where nothing had to be written."""
        self.heard(epoch, sequence)
        if epoch == self.epoch and sequence > (self.witness.sequence if self.witness else 0):
            self.witness = Witness(epoch, sequence, entry)

    def take_up(self, epoch: str, sequence: int) -> None:
        """Go on in another epoch. What was known of the one before has been compared with it, and counts no more."""
        self.epoch, self.seen, self.witness = epoch, sequence, None
        self.highest = max(self.highest, sequence)


def recollect(kept: Memory | None, witness: Witness | None) -> Memory | None:
    """The memory as it was kept, and what was acknowledged in the same epoch after that; None of who knows nothing.

    A witness of another epoch is no help: on from one epoch to the next leads only a comparison.
    """
    if witness is None:
        return kept
    memory = replace(kept) if kept is not None else Memory(witness.epoch)
    memory.wrote(witness.epoch, witness.sequence, witness.entry)
    return memory


@dataclass(frozen=True, slots=True)
class Freeze:
    """Admission is closed, because history was lost: sequences `lost_from` to `lost_to`, as far as anybody knows."""

    reason: str
    since: timedelta
    lost_from: int
    lost_to: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway as the store knows it: how long ago it was there, what it had seen, which freeze it has replayed."""

    boot: str
    silent: timedelta
    seen: int
    replayed: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """The store's history at one instant. `at` is the store's clock.

    `first` is the first sequence that is not trimmed; `entry` what stands where the witness stood, if anything does.
    At `room_to` no more holds are made until more is exported; None where that was never said.
    """

    at: datetime
    epoch: str
    organization: str
    sequence: int
    first: int
    entry: Witness | None
    freeze: Freeze | None
    peers: tuple[Peer, ...]
    room_to: int | None = None


class Judgement(StrEnum):
    """What a sighting means: the history we know; a newer one that has all of it; or one that lacks some of it."""

    SAME = "same"
    OTHER = "other"
    LOST = "lost"


def judge(memory: Memory, seen: Sighting) -> Judgement:
    """Compare what a gateway knows with what the store has."""
    if seen.epoch == memory.epoch:
        lost = seen.sequence < memory.seen or _gone(memory.witness, seen, trimmed_is_gone=False)
        return Judgement.LOST if lost else Judgement.SAME
    if lineage(seen.epoch) != lineage(memory.epoch):
        lost = memory.seen > 0
    elif number(seen.epoch) < number(memory.epoch):
        lost = True
    else:
        # Somebody else noticed a loss, and may have gone on since. An entry that was trimmed meanwhile proves nothing.
        lost = seen.sequence < memory.seen or _gone(memory.witness, seen, trimmed_is_gone=True)
    return Judgement.LOST if lost else Judgement.OTHER


def _gone(witness: Witness | None, seen: Sighting, *, trimmed_is_gone: bool) -> bool:
    if witness is None or seen.entry == witness:
        return False
    return trimmed_is_gone or witness.sequence >= seen.first


def lost_from(memory: Memory, seen: Sighting) -> int:
    """The first sequence that is known to be lost, where some of it is."""
    after = seen.sequence + 1
    if memory.witness is not None and _gone(memory.witness, seen, trimmed_is_gone=False):
        return min(after, memory.witness.sequence)
    return after


@dataclass(frozen=True, slots=True)
class Kept:
    """A memory that outlives the process, and the organization whose store it is about, where that is known."""

    organization: str | None
    memory: Memory
