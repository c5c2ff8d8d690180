"""A team's own list of jobs: what may be asked of it, and a page of it, in the form of the provider's list.

The rule of this file: the newest job comes first, by when it was admitted, and a cursor names the last job that was
shown, so that no page is disturbed by jobs that arrive. Names, limits and the form are those of the provider's page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.cursor import open_cursor, read_place, write_cursor
from gateway.core.ending import JobStatus
from gateway.core.job import Malformed

DEFAULT_LIMIT: Final = 20
MOST: Final = 100
_PROGRESS: Final = {JobStatus.PROCESSING: 50, JobStatus.COMPLETED: 100}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands: when it was admitted (microseconds since 1970), and its hold."""

    admitted_us: int
    hold: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job. `ended_at` (UTC) is None while it runs."""

    job: str
    status: JobStatus
    model: str
    created_at: datetime
    ended_at: datetime | None
    place: Place


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page: at most `limit` jobs behind `after`, of this status and model where they are given."""

    limit: int = DEFAULT_LIMIT
    after: Place | None = None
    status: JobStatus | None = None
    model: str | None = None

    def takes(self, row: JobRow) -> bool:
        return self.status in (None, row.status) and self.model in (None, row.model)


@dataclass(frozen=True, slots=True)
class JobPage:
    """`following` is where the next page goes on, None when there is none.

    Where few jobs are of the status or model that is wanted, a page may be short, or empty, before the last.
    """

    rows: tuple[JobRow, ...]
    following: Place | None


def read_wanted(query: Sequence[tuple[str, str]]) -> Wanted | Malformed:
    """What a query string asks for; names that are not the list's are passed over."""
    given: dict[str, str] = {}
    for name, text in query:
        if name in given:
            return Malformed(name, f'"{name}" is given twice.')
        given[name] = text
    limit, after = _limit(given.get("limit")), _after(given.get("cursor"))
    status, model = given.get("status"), given.get("modelId")
    if limit is None:
        return Malformed("limit", f'"limit" must be a whole number from 1 to {MOST}.')
    if isinstance(after, Malformed):
        return after
    if status is not None and status not in tuple(JobStatus):
        return Malformed("status", f'"status" must be one of {", ".join(JobStatus)}.')
    if model == "":
        return Malformed("modelId", '"modelId" must be the slug of a model.')
    return Wanted(limit, after, None if status is None else JobStatus(status), model)


def _limit(text: str | None) -> int | None:
    if text is None:
        return DEFAULT_LIMIT
    plain = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST))
    return int(text) if plain and 1 <= int(text) <= MOST else None


def _after(cursor: str | None) -> Place | Malformed | None:
    if cursor is None:
        return None
    return read_cursor(cursor) or Malformed("cursor", '"cursor" must be one that a page of this list named.')


def cursor_of(place: Place) -> str:
    return write_cursor(place.admitted_us, place.hold)


def read_cursor(text: str) -> Place | None:
    """None for what no page ever named."""
    parts = open_cursor(text)
    place = None if parts is None else read_place(parts)
    return None if place is None else Place(*place)


def document_of(page: JobPage) -> Mapping[str, object]:
    """The page as the provider's list shows one."""
    following = page.following
    return {
        "jobs": [_row(row) for row in page.rows],
        "nextCursor": None if following is None else cursor_of(following),
        "hasMore": following is not None,
    }


def _row(row: JobRow) -> Mapping[str, object]:
    return {
        "jobId": row.job,
        "status": row.status,
        "progress": _PROGRESS.get(row.status, 0),
        "model": row.model,
        "createdAt": _told(row.created_at),
        "completedAt": None if row.ended_at is None else _told(row.ended_at),
    }


def _told(instant: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"
