"""Jobs in the store: each team's list of them, what is noted of those that run, and who presigned which upload."""

from datetime import datetime, timedelta
from typing import Any, Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.adapters.redis.records import LISTED, read_row
from gateway.core.account import Account
from gateway.core.ending import JobStatus
from gateway.core.job_list import JobPage, JobRow, Place, Wanted
from gateway.core.ledger import State
from gateway.core.timestamp import read_time

_MARK: Final = Script("mark")
_PAGE: Final = Script("job_page")
_ENDS: Final = Script("ends")
# How many of all running jobs, to tell when one of some may end.
_LOOKED_AT: Final = 500
# How many jobs are looked at for one page, where a status or a model is wanted that few are of: so many times so many.
_BATCHES: Final = 10
_AT_ONCE: Final = 200
# Upstream, a file is gone an hour after it was presigned.
UPLOADS_KEPT: Final = timedelta(days=1)


class RedisJobs:
    """Implements `ports.Jobs`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, team: str, wanted: Wanted, *, test: bool) -> JobPage:
        index, after, rows = keys.jobs_of(team, test=test), wanted.after, list[JobRow]()
        # One more than is shown tells whether there are more.
        count = wanted.limit + 1 if wanted.status is None and wanted.model is None else _AT_ONCE
        for _ in range(_BATCHES):
            found = await self._some(index, after, count)
            rows += [row for place, fields in found if (row := read_row(place, fields)) and wanted.takes(row)]
            if len(rows) > wanted.limit:
                return JobPage(tuple(rows[: wanted.limit]), rows[wanted.limit - 1].place)
            if len(found) < count:
                return JobPage(tuple(rows), None)
            after = found[-1][0]
        return JobPage(tuple(rows), after)

    async def _some(self, index: str, after: Place | None, count: int) -> list[tuple[Place, Any]]:
        behind: tuple[Argument, ...] = ("", 0) if after is None else (after.hold, after.admitted_us)
        found = await self._store.run(_PAGE, [index], [keys.hold(""), *behind, count, *LISTED])
        return [(Place(int(float(admitted)), hold_id.decode()), fields) for hold_id, admitted, fields in found]

    async def processing(self, hold_id: str) -> None:
        await self._mark(hold_id, "status", JobStatus.PROCESSING)

    async def cancelling(self, hold_id: str, now: datetime) -> None:
        await self._mark(hold_id, "cancelling_at", codec.micros(now))

    async def _mark(self, hold_id: str, field: str, text: Argument) -> None:
        await self._store.run(_MARK, [keys.hold(hold_id)], [field, text])

    async def ends(self, account: Account) -> tuple[datetime, ...]:
        found = await self._store.run(_ENDS, [keys.OPEN[State.CAPTURED]], [keys.hold(""), account.name, _LOOKED_AT])
        return tuple(end for text in found if (end := read_time(text.decode())))

    async def bind_upload(self, upload: str, team: str, *, test: bool) -> bool:
        whose = _whose(team, test=test)
        lasts = int(UPLOADS_KEPT.total_seconds())
        if await self._store.command("SET", keys.upload(upload), whose, "EX", lasts, "NX"):
            return True
        return await self.owns_upload(upload, team, test=test)

    async def owns_upload(self, upload: str, team: str, *, test: bool) -> bool:
        found = await self._store.command("GET", keys.upload(upload))
        return found is not None and bool(found.decode() == _whose(team, test=test))


def _whose(team: str, *, test: bool) -> str:
    return f"{'test' if test else 'live'}:{team}"
