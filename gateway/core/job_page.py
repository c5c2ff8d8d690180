"""Reading one page of the upstream's list of jobs, `GET /v1/jobs`.

The rule of this file: a page is read whole or not at all. Absence from the list is evidence about money, so a row that
cannot be read must not look like a job that is not there. The fields and both forms of the reply are the provider's,
as its pages document them; times come with milliseconds and without.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gateway.core.reply import Reply
from gateway.core.value import value
from gateway.core.word import Word

PAGE_SIZE: Final = 100
_MAX_TEXT: Final = 1024


class JobStatus(Word):
    """The provider's five words for where a job is."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATUSES: Final[Mapping[str, JobStatus]] = {str(status): status for status in JobStatus}


@value
class Listed:
    """One job of the list. `status` is None where the provider says a word that it does not document; times are UTC.

    `created_at` may have been cut to the second.
    """

    job: str
    model: str
    status: JobStatus | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs in the order of the page, and the cursor of the next one; None where the list ends."""

    jobs: tuple[Listed, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class UnreadablePage:
    """Why a reply is no page of the list, in words that quote nothing of it."""

    why: str


def read_page(reply: Reply) -> JobPage | UnreadablePage:
    """What a complete reply to `GET /v1/jobs` says."""
    if not 200 <= reply.status < 300:
        return UnreadablePage(f"status {reply.status}")
    body = _object(reply.body)
    rows = body.get("jobs") if body is not None else None
    if body is None or not isinstance(rows, list):
        return UnreadablePage("no list of jobs")
    jobs = tuple([job for row in rows if (job := _listed(row)) is not None])
    if len(jobs) < len(rows):
        return UnreadablePage("a row that cannot be read")
    cursor, more = body.get("nextCursor"), body.get("hasMore")
    if more is False or (more is None and cursor is None):
        return JobPage(jobs, None)
    if not isinstance(cursor, str) or not 0 < len(cursor) <= _MAX_TEXT or more not in (True, None):
        return UnreadablePage("no cursor to more of it")
    return JobPage(jobs, cursor)


def _object(body: bytes) -> dict[str, Any] | None:
    """The reply's fields, flat or wrapped in `data`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return document["data"] if isinstance(document.get("data"), dict) else document


def _listed(row: object) -> Listed | None:
    if not isinstance(row, dict):
        return None
    job, model, created_at = row.get("jobId"), row.get("model"), read_time(row.get("createdAt"))
    if not _is_name(job) or not _is_name(model) or created_at is None:
        return None
    status = row.get("status")
    return Listed(str(job), str(model), _STATUSES.get(status) if isinstance(status, str) else None, created_at)


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _MAX_TEXT


def read_time(text: object) -> datetime | None:
    """An ISO 8601 instant as UTC, which it is where it names no zone; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
