"""The control plane's routes for prices that were closed because the upstream charged more."""

from typing import Final

from gateway.core.figures import ClosedPrice
from gateway.core.role import Power
from gateway.web import admin_errors
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation
from gateway.web.problem import GatewayError


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


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/closed-prices", "List closed prices", Power.READ_PRICES, closed_prices, ClosedPrices),
    Operation(
        *("POST", "/admin/v1/closed-prices/reopen", "Let a model run again", Power.CHANGE_PRICES),
        *(reopen_prices, ReopenedPrices),
        body=ReopenBody,
        errors=("PRICE_NOT_CLOSED",),
        action="price.reopen",
    ),
)
