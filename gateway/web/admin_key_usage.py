"""The control plane's route for what a key is used for, by the SQL ledger."""

from typing import Annotated, Any, Final

from pydantic import Field

from gateway.core.key_usage import Sum
from gateway.core.money import format_usd
from gateway.core.role import Power
from gateway.service.key_usages import Used
from gateway.service.keyring import NoSuchKey
from gateway.web import admin_errors
from gateway.web.admin_documents import Instant, LimitStanding, Usd, UtcText
from gateway.web.admin_keys import ListedKey, listed
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Call, Document, Operation, Query
from gateway.web.problem import GatewayError


class UsageQuery(Query):
    """From when on; without it, of the last thirty days."""

    since: UtcText | None = None


class UsageSum(Document):
    """So many jobs were admitted. Of their money so much is held, was charged, and came back."""

    jobs: int
    held_usd: Usd
    charged_usd: Usd
    refunded_usd: Usd


class UsageDay(UsageSum):
    """Of the jobs that were admitted on this day (UTC), whenever their money moved."""

    day: Annotated[str, Field(json_schema_extra={"format": "date"})]


class UsageRefused(Document):
    """Submissions that were refused with this code, by this limit where one decided."""

    code: str
    limit: str | None
    jobs: int
    usd: Usd


class KeyUsage(Document):
    """What was run with a key, under whichever of its secrets, as far as SQL has it; that is a second behind."""

    key: ListedKey
    since: Instant
    until: Instant
    total: UsageSum
    days: tuple[UsageDay, ...]
    refused: tuple[UsageRefused, ...]
    limits: tuple[LimitStanding, ...]


async def show_key_usage(call: Call[UsageQuery, None]) -> Answer | GatewayError:
    key_id = call.names["id"]
    used = await call.control.key_usages.show(key_id, call.query.since)
    if isinstance(used, NoSuchKey) or not call.by.sees(used.key.team):
        return admin_errors.key_not_found(key_id)
    return Answer(_usage(used))


def _usage(used: Used) -> KeyUsage:
    return KeyUsage(
        key=listed(used.key, used.used_in, used.until),
        since=instant(used.since),
        until=instant(used.until),
        total=UsageSum(**_sum(used.usage.total)),
        days=tuple(UsageDay(day=day.isoformat(), **_sum(one)) for day, one in used.usage.days),
        refused=tuple(
            UsageRefused(code=one.code, limit=one.limit, jobs=one.jobs, usd=format_usd(one.amount))
            for one in used.usage.refused
        ),
        limits=tuple(LimitStanding.of(*one, used.key.id) for one in used.limits),
    )


def _sum(one: Sum) -> dict[str, Any]:
    return {
        "jobs": one.jobs,
        "held_usd": format_usd(one.held),
        "charged_usd": format_usd(one.charged),
        "refunded_usd": format_usd(one.refunded),
    }


OPERATIONS: Final = (
    Operation(
        *("GET", "/admin/v1/keys/{id}/usage", "What was run with a key", Power.READ_SPEND, show_key_usage, KeyUsage),
        query=UsageQuery,
        errors=("KEY_NOT_FOUND", "ARCHIVE_UNAVAILABLE"),
    ),
)
