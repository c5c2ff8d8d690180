"""Reading one page of the upstream's list of jobs, `GET /v1/jobs`.

The rule of this file: a page is read whole or not at all. Absence from the list is evidence about money, so a row that
cannot be read must not look like a job that is not there. The fields and both forms of the reply are the provider's,
as its pages document them; times come with milliseconds and without.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.ending import Ending, Running, read_ending, read_time
from gateway.core.reply import Reply, read_document, unwrapped
from gateway.core.value import value

PAGE_SIZE: Final = 100
_MAX_TEXT: Final = 1024


@value
class Listed:
    """One job of the list. `status` is None where the provider says a word that it does not document.

    `created_at` is UTC, and may have been cut to the second.
    """

    job: str
    model: str
    status: Ending | Running | None
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
    document = read_document(reply.body)
    body = unwrapped(document) if document is not None else {}
    rows = body.get("jobs")
    if not isinstance(rows, list):
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


def _listed(row: object) -> Listed | None:
    if not isinstance(row, dict):
        return None
    job, model, created_at = row.get("jobId"), row.get("model"), _instant(row.get("createdAt"))
    if not _is_name(job) or not _is_name(model) or created_at is None:
        return None
    return Listed(str(job), str(model), read_ending(row), created_at)


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _MAX_TEXT


def _instant(text: object) -> datetime | None:
    """A time of the provider's, which is UTC where it names no zone."""
    return read_time(text) or (read_time(f"{text}Z") if isinstance(text, str) else None)
