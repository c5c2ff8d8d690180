"""A hold as it stands in the store, read from the fields of its hash."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.adapters.redis import codec
from gateway.core.ending import JobStatus, read_time
from gateway.core.hold_record import decode_hold
from gateway.core.ledger import State
from gateway.core.recall import HoldRecord

# In the order in which `read_record` wants them.
FIELDS: Final = (
    *("record", "state", "job", "cost", "reply"),
    *("status", "ended_at", "cancelling_at", "refunded", "named", "contradicted"),
    *("cause", "matched"),
)

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
        status=JobStatus(status.decode()) if status else _UNLESS_TOLD.get(stands),
        ended_at=read_time(ended_at.decode()) if ended_at else None,
        cancelling_at=_instant(cancelling_at),
        refunded=int(refunded) if refunded else None,
        refund_named=named is not None,
        contradicted=contradicted is not None,
        cause=cause.decode() if cause else None,
        matched=matched.decode() if matched else None,
    )


def _instant(micros: bytes | None) -> datetime | None:
    return None if micros is None else codec.instant(int(micros))
