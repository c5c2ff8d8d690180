"""The regression fence: a store that lost history admits nothing until everybody has told it what they know.

The rule of this file: a gateway goes on in an epoch only after it has compared the store's history with its memory.
What is missing closes admission for everyone; then each gateway replays every acceptance it retains, as a capture,
which posts what the store lost and leaves alone what it has; and when all who live have, admission is opened again.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from gateway.core.acceptance import Acceptance
from gateway.core.epoch import successor
from gateway.core.history import Judgement, Kept, Memory, Sighting, judge, lost_from
from gateway.core.ledger import Outcome, Verb
from gateway.ports import Clock, Ledger, Spool, StoreUnavailable
from gateway.service.intent import Intent, job_bound
from gateway.service.rebind import rebind

_LOG: Final = logging.getLogger("tollhouse.fence")
_LOOKS: Final = 5
_AT_ONCE: Final = 32


class Watch(Protocol):
    """Looks at the store's history, and closes and opens admission. All raise StoreUnavailable."""

    async def look(self, memory: Memory) -> Sighting | None:
        """What is there, and what stands where the memory's witness stood. None of a store without an epoch."""
        ...

    async def beat(self, epoch: str, boot: str, highest: int, replayed: str) -> None:
        """Say to a store in this epoch that we live, what we have seen and which freeze we have replayed."""
        ...

    async def freeze(self, expected: str, fresh: str, lost_from: int, lost_to: int) -> bool:
        """Close admission in the epoch `expected`, and go on in `fresh`; False when it is in another epoch by now."""
        ...

    async def thaw(self, expected: str, fresh: str, now: datetime) -> int | None:
        """Open admission again in `fresh`, if all who live have replayed: the sequence of the entry that says so."""
        ...


class Keepsake(Protocol):
    """Where a gateway's memory outlives its process."""

    def read(self) -> Kept | None: ...

    async def write(self, kept: Kept) -> None: ...


class Fence:
    """One gateway's side of the fence. `memory` is the ledger's, `boot` this process as the others see it.

    `sighting` is what was seen last: None of a store without an epoch, or before the first look. `disturbed` tells
    whether history was lost since the memory was kept, by us or by anybody.
    """

    def __init__(
        self,
        memory: Memory,
        boot: str,
        organization: str,
        ledger: Ledger,
        spool: Spool,
        keepsake: Keepsake,
        clock: Clock,
    ) -> None:
        self.memory = memory
        self.boot = boot
        self.organization = organization
        self.sighting: Sighting | None = None
        self.disturbed = False
        self._lost = False
        self.replayed = ""
        self._ledger = ledger
        self._spool = spool
        self._keepsake = keepsake
        self._kept: Memory | None = None
        self._disk_is_well = True
        self._clock = clock

    @property
    def owes_replay(self) -> bool:
        """Whether the store lost what we know, or was frozen because of others, and we have not told it since."""
        frozen = self.sighting is not None and self.sighting.freeze is not None
        return self._lost or (frozen and self.replayed != self.memory.epoch)

    async def look(self, watch: Watch) -> Sighting | None:
        """Compare the store's history with ours, freeze it if some is missing, and take up a newer epoch if none is.

        Raises StoreUnavailable.
        """
        for _ in range(_LOOKS):
            # As it is now: answers that come while the store is looked at belong to no earlier look.
            known = replace(self.memory)
            seen = await watch.look(known)
            if seen is None or seen.organization != self.organization:
                self.sighting = seen
                return seen
            if self.memory.epoch == known.epoch and await self._settle(watch, known, seen):
                self.sighting = seen
                return seen
        raise StoreUnavailable("the store's epoch changes faster than it can be looked at")

    async def _settle(self, watch: Watch, known: Memory, seen: Sighting) -> bool:
        """Act on what was seen; False when that changed what there is to see."""
        match self._judge(known, seen):
            case Judgement.SAME:
                self.disturbed = self.disturbed or seen.freeze is not None
                self.memory.heard(seen.epoch, seen.sequence)
                return True
            case Judgement.OTHER:
                self.disturbed = True
                await self._take_up(seen.epoch, seen.sequence)
                _LOG.info("the store is in a new epoch", extra={"fields": {"epoch": seen.epoch}})
                return True
            case Judgement.LOST:
                self.disturbed = True
                await self._freeze(watch, known, seen)
                return False

    def _judge(self, known: Memory, seen: Sighting) -> Judgement:
        """Others may have opened admission while we were too slow to replay: what we owe is still missing then."""
        return Judgement.LOST if self._lost and seen.freeze is None else judge(known, seen)

    async def _freeze(self, watch: Watch, known: Memory, seen: Sighting) -> None:
        """Close admission. A freeze that others began since we looked last is joined, so that one replay serves all."""
        joins = seen.freeze is not None and seen.epoch != known.epoch
        fresh = seen.epoch if joins else successor(seen.epoch, known.epoch)
        first = lost_from(known, seen)
        if not await watch.freeze(seen.epoch, fresh, first, max(known.highest, first)):
            return
        self._lost = True
        if self.memory.epoch == known.epoch:
            self.memory.take_up(fresh, seen.sequence)
        fields = {"epoch": fresh, "was": known.epoch, "lost_from": first, "seen": known.highest}
        _LOG.error("the store lost part of its history; no holds until it is repaired", extra={"fields": fields})

    async def _take_up(self, epoch: str, sequence: int) -> None:
        """Go on in another epoch that has all we know; on disk first, so that no start suspects it of a loss."""
        before = self.memory.epoch
        await self._write(Memory(epoch, sequence, None, max(sequence, self.memory.highest)))
        if self.memory.epoch == before:
            self.memory.take_up(epoch, sequence)

    async def beat(self, watch: Watch) -> None:
        """Tell the store that we live. Raises StoreUnavailable."""
        await watch.beat(self.memory.epoch, self.boot, self.memory.highest, self.replayed)

    async def keep(self) -> None:
        """Write the memory to disk if it has changed; not while a replay is owed, so that a crash forgets none."""
        if not self.owes_replay and self.memory != self._kept:
            await self._write(replace(self.memory))

    async def _write(self, memory: Memory) -> None:
        """A disk that takes nothing is told of and put up with: it makes a later start suspect a loss, and no more."""
        try:
            await self._keepsake.write(Kept(self.organization, memory))
        except OSError as error:
            if self._disk_is_well:
                _LOG.error("what we know of the store cannot be kept on disk: %s", error.strerror)
            self._disk_is_well = False
        else:
            self._kept, self._disk_is_well = memory, True

    async def thaw(self, watch: Watch) -> bool:
        """Open admission again, if it is our turn to try and everybody has replayed. Raises StoreUnavailable."""
        seen = self.sighting
        if seen is None or seen.freeze is None or self.owes_replay:
            return False
        epoch = self.memory.epoch
        sequence = await watch.thaw(epoch, successor(epoch, epoch), self._clock.now())
        if sequence is None:
            return False
        fields = {"sequence": sequence, "lost_from": seen.freeze.lost_from, "lost_to": seen.freeze.lost_to}
        _LOG.warning("everybody has replayed what they know; admission is open again", extra={"fields": fields})
        return True

    async def tend(self) -> None:
        """One round: replay what is owed. What the store does not take now is asked again in the next one."""
        try:
            await self.catch_up()
        except StoreUnavailable as error:
            _LOG.warning("the replay was cut off and begins again: %s", error)

    async def catch_up(self) -> None:
        """Replay what we know, if the store waits for it. It is owed as before where it was cut off.

        Raises StoreUnavailable, SpoolUnavailable.
        """
        if not self.owes_replay:
            return
        epoch, counts = self.memory.epoch, Counter[Outcome]()
        waiting = iter(self._spool.acceptances())
        while some := list(islice(waiting, _AT_ONCE)):
            counts.update(await asyncio.gather(*(self._replay(acceptance) for acceptance in some)))
        fields = {"epoch": epoch, **{outcome.value: count for outcome, count in counts.items()}}
        _LOG.warning("replayed what was accepted", extra={"fields": fields})
        if self.memory.epoch == epoch:
            self.replayed, self._lost = epoch, False
        await self.keep()

    async def _replay(self, acceptance: Acceptance) -> Outcome:
        hold = acceptance.hold
        outcome = await self._move(Intent(Verb.CAPTURE, hold, acceptance.job, acceptance.cost, acceptance.facts))
        if outcome is Outcome.JOB_BOUND:
            outcome = await self._move(job_bound(hold))
        if outcome is Outcome.MISSING:
            fields = {"hold": hold.id, "job": acceptance.job, "team": hold.team, "cost": acceptance.cost}
            _LOG.error("an accepted job is not in the store, and not to be posted by itself", extra={"fields": fields})
        return outcome

    async def _move(self, intent: Intent) -> Outcome:
        moved = await self._ledger.move(
            intent.verb, intent.hold, self._clock.now(), job=intent.job, cost=intent.cost, facts=intent.facts
        )
        if moved.outcome is Outcome.ALREADY and intent.verb is Verb.CAPTURE:
            await rebind(self._ledger, intent, self._clock)
        return moved.outcome
