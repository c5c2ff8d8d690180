"""What became of one job, line by line: the hold as the store knows it, and every entry that the SQL ledger has of it.

The rule of this file: the entries explain the amounts. Their sum is what stands on the accounts; nothing else counts.
"""

from dataclasses import dataclass
from typing import Protocol

from gateway.core.entry import Entry
from gateway.core.job_list import JobPage, Wanted
from gateway.core.recall import HoldRecord
from gateway.ports import Jobs, Ledger
from gateway.service.job_desk import NoSuchJob


class Entries(Protocol):
    """What the SQL ledger has. Raises ArchiveUnavailable, ArchiveRefused."""

    async def entries_of(self, hold_id: str) -> tuple[Entry, ...]:
        """Every entry of a hold that is not lost, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Story:
    """A job's hold, and its entries as far as they are exported."""

    record: HoldRecord
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class JobStories:
    """For those who administer, whosever job it is. Every method raises StoreUnavailable."""

    ledger: Ledger
    jobs: Jobs
    entries: Entries

    async def tell(self, name: str) -> Story | NoSuchJob:
        """Of a job by the upstream's id, or of a hold by ours. Raises also ArchiveUnavailable, ArchiveRefused."""
        record = await self.ledger.owner(name) or await self.ledger.find(name)
        return NoSuchJob() if record is None else Story(record, await self.entries.entries_of(record.hold.id))

    async def page(self, team: str, wanted: Wanted, *, test: bool) -> JobPage:
        """A team's jobs as last learnt, the newest first."""
        return await self.jobs.page(team, wanted, test=test)
