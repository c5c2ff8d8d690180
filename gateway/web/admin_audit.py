"""The control plane's route for the audit trail: every change, the newest first, from the SQL ledger."""

from typing import Annotated, Any, Final

from pydantic import Field

from gateway.core.audit_record import AuditRecord
from gateway.core.role import Power
from gateway.web.admin_documents import Instant, UtcText
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Call, Document, Operation, Query


class AuditQuery(Query):
    """`action` and `by` (a name) narrow the list, which has `limit` records begun before `before`."""

    action: str | None = None
    by: str | None = None
    before: UtcText | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class AuditDocument(Document):
    """`outcome` is `done`, the code of the error that was answered, or `unknown` where the gateway died meanwhile."""

    id: str
    at: Instant
    action: str
    by: str
    admin: str
    role: str
    source: str
    request_id: str
    reason: str | None
    outcome: str
    subject: str | None
    team: str | None
    asked: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


class AuditPage(Document):
    """`next_before`, if there may be more: ask with it as `before`."""

    records: tuple[AuditDocument, ...]
    next_before: str | None


async def list_audit(call: Call[AuditQuery, None]) -> Answer:
    query = call.query
    found = await call.control.records.audit_records(query.limit, query.before, query.action, query.by)
    more = found[-1].begun.at.isoformat() if len(found) == query.limit else None
    return Answer(AuditPage(records=tuple(map(_document, found)), next_before=more))


def _document(record: AuditRecord) -> AuditDocument:
    begun, done = record.begun, record.done
    return AuditDocument(
        id=begun.id,
        at=instant(begun.at),
        action=begun.action,
        by=begun.by.name,
        admin=begun.by.id,
        role=begun.by.role,
        source=begun.source,
        request_id=begun.request_id,
        reason=begun.reason if done is None else done.reason or begun.reason,
        outcome=record.outcome,
        subject=None if done is None else done.subject,
        team=None if done is None else done.team,
        asked=dict(begun.asked),
        before={} if done is None else dict(done.before),
        after={} if done is None else dict(done.after),
    )


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/audit", "List changes", Power.READ_AUDIT, list_audit, AuditPage, AuditQuery),
)
