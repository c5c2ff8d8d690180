"""The exporter: the store's entries become rows of the SQL ledger, each once, and are trimmed from the store then.

The rule of this file: nothing is trimmed that SQL has not committed, and nothing is exported past a gap that no entry
explains. Any number of gateways may run this; the one with the lease exports, and the token of its lease, which SQL
compares in the very transaction that writes, keeps whoever lost it from writing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.core.acceptance import Witness
from gateway.core.epoch import successor
from gateway.core.export import Cut, Fenced, Fork, Gap, Lease, Line, StoreSide, explained, following
from gateway.core.refused import Refused
from gateway.ports import ArchiveRefused, ArchiveUnavailable, Clock
from gateway.service.fence import Watch

_LOG: Final = logging.getLogger("tollhouse.export")
LEASE: Final = timedelta(seconds=10)
# Not more, because the store answers nobody while it reads them out: about a millisecond for these.
_BATCH: Final = 250
_AWAY_S: Final = 2.0


class Stream(Protocol):
    """The store's side. All raise StoreUnavailable."""

    async def state(self) -> StoreSide | None:
        """None of a store without an epoch."""
        ...

    async def read(self, start: int, limit: int) -> tuple[Line, ...]:
        """At most so many entries, from sequence `start` on."""
        ...

    async def exported(self, ledger: str, upto: Witness | None) -> bool:
        """The SQL ledger of this name has every entry up to this one: trim. False if another has, or it is not there.

        With None, the store's entries are to go to this ledger from now on, unless they go to another.
        """
        ...

    async def refused(self, after: str, limit: int) -> tuple[str, tuple[Refused, ...]]:
        """Refused submissions after this place, and the place of the last of them."""
        ...

    async def refused_exported(self, upto: str) -> None: ...


class Archive(Protocol):
    """The SQL side. All raise ArchiveUnavailable, ArchiveRefused."""

    async def lease(self, holder: str, token: int | None, organization: str, now: datetime, lasts: timedelta) -> Lease:
        """Renew the lease that `token` stands for, or take it over from whoever let it lapse."""
        ...

    async def write(self, token: int, after: Witness | None, lines: Sequence[Line]) -> Fenced | None:
        """Rows for the entries that follow `after`, and the cursor behind them: all or nothing."""
        ...

    async def rewind(self, token: int, after: Witness | None, to: Witness | None, epoch: str) -> Fenced | None:
        """The store lost what stood behind `to`, as it is found in `epoch`: mark these rows, and go on from there."""
        ...

    async def known(self, places: Sequence[Witness]) -> int:
        """How many of these entries, from the first on, have rows that are not lost."""
        ...

    async def write_refused(self, token: int, upto: str, refused: Sequence[Refused]) -> Fenced | None: ...


class Export:
    """One round of a loop for `service/background.py`. `learn` is told up to which entry SQL is, before each step: that
    is known of the store's history too. `alarm` is why nothing is exported although both sides answer, `away` why SQL
    does not.
    """

    def __init__(
        self,
        stream: Stream,
        archive: Archive,
        watch: Watch,
        learn: Callable[[Witness], None],
        clock: Clock,
        holder: str,
        lease: timedelta = LEASE,
    ) -> None:
        self.alarm: str | None = None
        self.away: str | None = None
        self._stream = stream
        self._archive = archive
        self._watch = watch
        self._learn = learn
        self._clock = clock
        self._holder = holder
        self._lasts = lease
        self._token: int | None = None
        self._told: Witness | None = None
        self._noticed: str | None = None

    @property
    def trouble(self) -> str | None:
        return self.alarm or self.away

    async def __call__(self) -> None:
        """Export what there is. Raises StoreUnavailable."""
        try:
            self._say(await self._round())
            self.away = None
        except ArchiveRefused as error:
            self._say(f"{error}.")
        except ArchiveUnavailable as error:
            if self.away is None:
                _LOG.error("the SQL ledger does not answer, and entries wait in the store: %s", error)
            self.away = f"the database does not answer: {error}"
            await asyncio.sleep(_AWAY_S)

    def _say(self, alarm: str | None) -> None:
        if alarm != self.alarm:
            if alarm is not None:
                _LOG.error("nothing is exported to the SQL ledger, and nothing trimmed: %s", alarm)
            else:
                _LOG.warning("the export to the SQL ledger goes on")
        self.alarm = alarm

    async def _round(self) -> str | None:
        """Export, if it is ours to do, until nothing is left; what is wrong, if something is."""
        while True:
            side = await self._stream.state()
            if side is None:
                # An emptied store is the guard's to tell of.
                return None
            lease = await self._lease(side)
            if lease.token is None:
                return None
            if side.ledger != lease.ledger and not await self._stream.exported(lease.ledger, None):
                return "The store's entries go to another SQL ledger. Point TOLLHOUSE_DATABASE_URL at that one."
            more, wrong = await self._batch(lease, lease.token, side)
            if wrong is not None or not more:
                return wrong or await self._refused(lease, lease.token)

    async def _lease(self, side: StoreSide) -> Lease:
        lease = await self._archive.lease(self._holder, self._token, side.organization, self._clock.now(), self._lasts)
        if lease.token is not None and lease.token != self._token:
            _LOG.info("this gateway exports to the SQL ledger now", extra={"fields": {"token": lease.token}})
        self._token = lease.token
        if lease.cursor is not None and side.ledger == lease.ledger:
            self._learn(lease.cursor)
        return lease

    async def _batch(self, lease: Lease, token: int, side: StoreSide) -> tuple[bool, str | None]:
        """Export what follows next; whether there may be more, and what is wrong."""
        lines = await self._stream.read(lease.cursor.sequence if lease.cursor else 0, _BATCH + 1)
        match following(lease.cursor, lines):
            case Cut():
                return await self._mend(lease, token, side)
            case Gap() as gap:
                return (True, None) if await self._moved(lease, side) else (False, _sentence(gap))
            case found:
                if not found:
                    await self._tell(lease.ledger, lease.cursor)
                    return False, None
                if await self._archive.write(token, lease.cursor, found) is not None:
                    return False, None
                await self._tell(lease.ledger, found[-1].place)
                return len(found) >= _BATCH, None

    async def _moved(self, lease: Lease, side: StoreSide) -> bool:
        """Whether somebody else exported meanwhile: then the store may have been trimmed, and nothing is missing."""
        now = await self._lease(side)
        return (now.token, now.cursor) != (lease.token, lease.cursor)

    async def _tell(self, ledger: str, cursor: Witness | None) -> None:
        """Let the store trim what it need not keep any more, unless it has been told already."""
        if cursor is not None and cursor != self._told and await self._stream.exported(ledger, cursor):
            self._told = cursor

    async def _mend(self, lease: Lease, token: int, side: StoreSide) -> tuple[bool, str | None]:
        """The store does not have the entry up to which SQL is. Either its end is lost, or something is missing."""
        if side.frozen and side.epoch == self._noticed:
            return False, None
        fork, cursor = await self._fork(), lease.cursor
        if await self._moved(lease, side):
            return True, None
        if cursor is None or (fork.rest and fork.rest[0].place.sequence > cursor.sequence and not fork.resume):
            found = fork.rest[0].place.sequence if fork.rest else 0
            return False, _sentence(Gap(fork.expected, found))
        if side.frozen or fork.resume is None:
            # Nobody else may have noticed. What is lost is said to whoever opens admission again.
            fresh = side.epoch if side.frozen else successor(side.epoch, cursor.epoch)
            if await self._watch.freeze(side.epoch, fresh, fork.expected, max(cursor.sequence, fork.expected)):
                _LOG.error("the store lacks entries that SQL has, from %d on", fork.expected)
                self._noticed = fresh
            return False, None
        if (gap := explained(fork)) is not None:
            return False, _sentence(gap)
        _LOG.warning("the store lost entries that SQL has, from %d on; their rows are marked", fork.expected)
        fenced = await self._archive.rewind(token, cursor, fork.last, side.epoch)
        return fenced is None, None

    async def _fork(self) -> Fork:
        """Where the store's history leaves the one that SQL has, and what it says of that."""
        last: Witness | None = None
        start, rest = 0, list[Line]()
        while True:
            page = await self._stream.read(start, _BATCH)
            known = 0 if rest else await self._archive.known([line.place for line in page])
            last = page[known - 1].place if known else last
            rest += page[known:]
            resume = next((line for line in page[known:] if line.resumes), None)
            if resume is not None or len(page) < _BATCH:
                return Fork(last, tuple(rest), resume)
            start = page[-1].place.sequence + 1

    async def _refused(self, lease: Lease, token: int) -> str | None:
        """Submissions that were refused are no entries, and yet each of them has one row."""
        place = lease.refused
        while True:
            upto, refused = await self._stream.refused(place, _BATCH)
            if not refused or await self._archive.write_refused(token, upto, refused) is not None:
                return None
            await self._stream.refused_exported(upto)
            place = upto


def _sentence(gap: Gap) -> str:
    return (
        f"Entry {gap.expected} is missing in the store: it goes on with {gap.found}, and no entry says why. "
        "See docs/ledger.md."
    )
