"""Jobs and uploads as the store knows them, besides the money that is on them."""

from datetime import datetime
from typing import Protocol

from gateway.core.account import Account
from gateway.core.job_list import JobPage, Wanted


class Jobs(Protocol):
    """What is remembered of jobs and uploads besides money. All raise StoreUnavailable."""

    async def page(self, team: str, wanted: Wanted, *, test: bool) -> JobPage:
        """Some of the jobs that a team's keys had accepted; those of its test keys are apart."""
        ...

    async def processing(self, hold_id: str) -> None:
        """A worker has the hold's job, if it still runs by what the store knows."""
        ...

    async def cancelling(self, hold_id: str, now: datetime) -> None:
        """A cancel of the hold's job is about to be forwarded, if it still runs by what the store knows."""
        ...

    async def ends(self, account: Account) -> tuple[datetime, ...]:
        """When those jobs may end that hold a place on the account, by what the upstream estimated (UTC).

        Only so many of the longest running are looked at.
        """
        ...

    async def bind_upload(self, upload: str, team: str, *, test: bool) -> bool:
        """Note for a while whose an upload is; False where it is somebody else's already."""
        ...

    async def owns_upload(self, upload: str, team: str, *, test: bool) -> bool:
        """Whether it is known to be the team's. One call, whoever's it is."""
        ...
