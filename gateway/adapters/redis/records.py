"""A hold as it stands in the store, read from the fields of its hash."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.adapters.redis import codec
from gateway.core.ending import JobStatus
from gateway.core.hold_record import decode_hold
from gateway.core.job_list import JobRow, Place
from gateway.core.ledger import State
from gateway.core.recall import HoldRecord
from gateway.core.timestamp import read_time

# In the order in which `read_record` wants them.
FIELDS: Final = (
    *("record", "state", "job", "cost", "reply"),
    *("status", "ended_at", "cancelling_at", "refunded", "named", "contradicted"),
    *("cause", "matched"),
)

# What a list shows.
LISTED: Final = ("record", "state", "job", "status", "ended_at")

_UNLESS_TOLD: Final = {
    State.CAPTURED: JobStatus.PENDING,
    State.LOST: JobStatus.PROCESSING,
    State.FINISHED: JobStatus.COMPLETED,
    State.REFUNDED: JobStatus.FAILED,
}


def read_record(fields: Sequence[bytes | None]) -> HoldRecord | None:
    """None where there is no such hold."""
    record, state, job, cost, reply, status, ended_at, cancelling_at, refunded, named, contradicted = fields[:11]
    cause, matched = fields[11:]
    if record is None or state is None:
        return None
    stands = State(state.decode())
    return HoldRecord(
        hold=decode_hold(record),
        state=stands,
        job=job.decode() if job else None,
        cost=int(cost) if cost else None,
        reply=codec.decode_reply(reply) if reply else None,
        status=_status(stands, status),
        ended_at=_time(ended_at),
        cancelling_at=_instant(cancelling_at),
        refunded=int(refunded) if refunded else None,
        refund_named=named is not None,
        contradicted=contradicted is not None,
        cause=cause.decode() if cause else None,
        matched=matched.decode() if matched else None,
    )


def read_row(place: Place, fields: Sequence[bytes | None]) -> JobRow | None:
    """None where the hold is gone, or has no job."""
    record, state, job, status, ended_at = fields
    if record is None or state is None or job is None:
        return None
    stands, hold = _status(State(state.decode()), status), decode_hold(record)
    return JobRow(job.decode(), stands or JobStatus.PENDING, hold.model, hold.created_at, _time(ended_at), place)


def _status(state: State, learnt: bytes | None) -> JobStatus | None:
    return JobStatus(learnt.decode()) if learnt else _UNLESS_TOLD.get(state)


def _time(text: bytes | None) -> datetime | None:
    return read_time(text.decode()) if text else None


def _instant(micros: bytes | None) -> datetime | None:
    return None if micros is None else codec.instant(int(micros))
