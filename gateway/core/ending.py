"""What the provider says of a job that it took: still running, or ended, and how.

The rule of this file: an end is read only from a successful reply with one of the five documented statuses, flat or
wrapped. Whatever else it may be, it is no evidence and moves nothing. Statuses and field names are the provider's, as
its pages document them; `refundedMicroCents` is only ever named where money was given back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from gateway.core.money import MicroUsd
from gateway.core.reply import Reply, read_amount, read_document, unwrapped
from gateway.core.timestamp import read_time as read_time
from gateway.core.word import Word


class Source(Word):
    """Who told us of an end."""

    CLIENT = "client"
    CANCEL = "cancel"
    POLL = "poll"
    WEBHOOK = "webhook"
    OPERATOR = "operator"


class JobStatus(Word):
    """A job's status, as the provider names it."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Running:
    """The job has not ended: it waits, or a worker has it."""

    status: JobStatus = JobStatus.PENDING


@dataclass(frozen=True, slots=True)
class Completed:
    """`cost` (micro-USD) is the final one where the reply names one; `at` (UTC) when it ended, if it says so."""

    cost: MicroUsd | None = None
    at: datetime | None = None

    @property
    def status(self) -> JobStatus:
        return JobStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class Failed:
    """`refunded` (micro-USD) is what was given back where the reply names it; `at` (UTC) when it ended."""

    refunded: MicroUsd | None = None
    at: datetime | None = None

    @property
    def status(self) -> JobStatus:
        return JobStatus.FAILED


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`refunded` (micro-USD) is what was given back where the reply names it; `at` (UTC) when it ended."""

    refunded: MicroUsd | None = None
    at: datetime | None = None

    @property
    def status(self) -> JobStatus:
        return JobStatus.CANCELLED


Ending: TypeAlias = Completed | Failed | Cancelled


def read_status(reply: Reply, job: str | None = None) -> Ending | Running | None:
    """What a reply to a status or a cancel call says; None where it says nothing that can be relied on.

    With `job`, a reply that names another one says nothing.
    """
    document = read_document(reply.body) if 200 <= reply.status < 300 else None
    if document is None:
        return None
    data = unwrapped(document)
    if job is not None and data.get("jobId", job) != job:
        return None
    return read_ending(data)


def read_ending(data: Mapping[str, Any]) -> Ending | Running | None:
    """What a job's fields say: those of a status, of a cancel, of a row of a list, or of a webhook, unwrapped."""
    at = read_time(data.get("completedAt"))
    match data.get("status"):
        case JobStatus.PENDING:
            return Running(JobStatus.PENDING)
        case JobStatus.PROCESSING:
            return Running(JobStatus.PROCESSING)
        case JobStatus.COMPLETED:
            return Completed(read_amount(data.get("costMicroCents", data.get("cost"))), at)
        case JobStatus.FAILED:
            return Failed(read_amount(data.get("refundedMicroCents")), at)
        case JobStatus.CANCELLED:
            return Cancelled(read_amount(data.get("refundedMicroCents")), at)
        case _:
            return None
