"""The control plane's route for alerts: thresholds of limits that were reached."""

from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.core.account import AccountScope, Meter
from gateway.core.role import Power
from gateway.core.window import WindowKind
from gateway.web.admin_documents import Instant, Usd
from gateway.web.administration import led
from gateway.web.operation import Answer, Call, Document, Operation, Query


class AlertQuery(Query):
    """`team` narrows the list to the limits of one; it has `limit` alerts at most."""

    team: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Alert(Document):
    """A limit as it stood when a threshold of it was seen to be reached; the same as webhooks tell.

    `team` is null for the organization's own limits, `key` unless the limit is one per key. Amounts are USD for the
    meter `usd`, else counts.
    """

    type: Literal["limit.alert"]
    id: str
    at: Instant
    organization: str
    team: str | None
    key: str | None
    limit: str
    scope: AccountScope
    meter: Meter
    window: WindowKind | None
    threshold: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}%$")]
    ceiling: Usd | int
    posted: Usd | int
    held: Usd | int
    headroom: Usd | int
    resets_at: Instant | None


class Alerts(Document):
    """The newest first."""

    alerts: tuple[Alert, ...]


async def list_alerts(call: Call[AlertQuery, None]) -> Answer:
    query = call.query
    found = await call.control.alerts.newest(query.limit, led(call.by, query.team))
    return Answer(Alerts(alerts=tuple(Alert.model_validate(one) for one in found)))


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/alerts", "List alerts", Power.READ_SPEND, list_alerts, Alerts, AlertQuery),
)
