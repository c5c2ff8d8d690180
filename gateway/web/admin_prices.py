"""The control plane's routes for prices that the upstream did not keep: what it charged, and what is closed for it."""

from datetime import timedelta
from typing import Final

from gateway.core.figures import ClosedPrice
from gateway.core.money import format_usd
from gateway.core.role import Power
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import Instant, Usd, UtcText
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation, Query
from gateway.web.problem import GatewayError

_LOOKED_BACK: Final = timedelta(days=7)


class ReopenBody(Body):
    """The model that shall run again."""

    model: str


class Closed(Document):
    """`test`: the built-in sandbox charged it."""

    model: str
    rate_card: str
    test: bool


class ClosedPrices(Document):
    """Every price that is closed now."""

    closed_prices: tuple[Closed, ...]


class ReopenedPrices(Document):
    """Those that were closed and are not any more."""

    reopened: tuple[Closed, ...]


class DriftQuery(Query):
    """Jobs booked from `since` (left out: seven days before the end) up to, not including, `until` (left out: now)."""

    since: UtcText | None = None
    until: UtcText | None = None


class DriftLine(Document):
    """How many jobs of a model were charged more than a rate card says, and how much more together; and less."""

    model: str
    rate_card: str
    jobs_above: int
    above_usd: Usd
    jobs_below: int
    below_usd: Usd


class PriceDrift(Document):
    """Where something drifted: by model and rate card."""

    since: Instant
    until: Instant
    drift: tuple[DriftLine, ...]


async def closed_prices(call: Call[Nothing, None]) -> Answer:
    return Answer(ClosedPrices(closed_prices=tuple(map(_document, await call.control.closed_prices.all()))))


async def reopen_prices(call: Call[Nothing, ReopenBody]) -> Answer | GatewayError:
    model = call.body.model
    reopened = await call.control.closed_prices.reopen(model)
    if not reopened:
        return admin_errors.price_not_closed(model)
    before = {"closed": sorted(one.rate_card for one in reopened)}
    return Answer(ReopenedPrices(reopened=tuple(map(_document, reopened))), Change(model, before=before))


def _document(price: ClosedPrice) -> Closed:
    return Closed(model=price.model, rate_card=price.rate_card, test=price.test)


async def price_drift(call: Call[DriftQuery, None]) -> Answer | GatewayError:
    until = call.query.until or call.control.clock.now()
    since = call.query.since or until - _LOOKED_BACK
    if since >= until:
        return errors.invalid_input("since", '"since" must be earlier than "until".')
    found = await call.control.drifts.drift(since, until)
    lines = tuple(
        DriftLine(
            model=line.model,
            rate_card=line.rate_card,
            jobs_above=line.jobs_above,
            above_usd=format_usd(line.above),
            jobs_below=line.jobs_below,
            below_usd=format_usd(line.below),
        )
        for line in found
    )
    return Answer(PriceDrift(since=instant(since), until=instant(until), drift=lines))


OPERATIONS: Final = (
    Operation(
        *("GET", "/admin/v1/price-drift", "List charges that are not what was quoted", Power.READ_PRICES),
        *(price_drift, PriceDrift, DriftQuery),
        errors=("ARCHIVE_UNAVAILABLE",),
    ),
    Operation("GET", "/admin/v1/closed-prices", "List closed prices", Power.READ_PRICES, closed_prices, ClosedPrices),
    Operation(
        *("POST", "/admin/v1/closed-prices/reopen", "Let a model run again", Power.CHANGE_PRICES),
        *(reopen_prices, ReopenedPrices),
        body=ReopenBody,
        errors=("PRICE_NOT_CLOSED",),
        action="price.reopen",
    ),
)
