"""What earlier processes of a data directory left behind, and when its silence is evidence.

The rule of this file: a hold was never sent only if the journal of its sender has no line for it, nothing that the
sender wrote since is missing, and the machine has not started anew: a line is written before the first byte leaves,
but it reaches the disk in its own time, and only a process that dies alone leaves all its lines behind.
"""

from dataclasses import dataclass

from gateway.core.acceptance import Acceptance, Witness


@dataclass(frozen=True, slots=True)
class Predecessor:
    """An earlier process, by its boot. `sent` are the holds that its journal names.

    `whole`: it ran since the machine started, and what it wrote is all there, save what it dropped itself because
    the store had acknowledged what became of it.
    """

    boot: str
    whole: bool
    sent: frozenset[str]

    def never_sent(self, hold_id: str) -> bool:
        """Of a hold that is still held in a store that has lost nothing: whether no byte of it can have left."""
        return self.whole and hold_id not in self.sent


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that does not read as it was written. A torn end is what a crash leaves; lines in between never are."""

    file: str
    torn: bool
    lines: int


@dataclass(frozen=True, slots=True)
class Remains:
    """All of it. `unsettled` are the acceptances that nobody has noted as captured; `witness` is the newest."""

    predecessors: tuple[Predecessor, ...] = ()
    unsettled: tuple[Acceptance, ...] = ()
    witness: Witness | None = None
    damage: tuple[Damage, ...] = ()
