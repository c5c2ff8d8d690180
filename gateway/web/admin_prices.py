"""The control plane's routes for prices that were closed because the upstream charged more."""

from aiohttp import web

from gateway.core.figures import ClosedPrice
from gateway.web import admin_errors
from gateway.web.admin_documents import ReopenBody
from gateway.web.administration import Answer, Control, audit, read_body_of
from gateway.web.problem import GatewayError


async def closed_prices(_request: web.Request, control: Control) -> Answer:
    return web.json_response({"closed_prices": [_document(one) for one in await control.closed_prices.all()]})


async def reopen_prices(request: web.Request, control: Control) -> Answer:
    body = await read_body_of(ReopenBody, request)
    if isinstance(body, GatewayError):
        return body
    reopened = await control.closed_prices.reopen(body.model)
    if not reopened:
        return admin_errors.price_not_closed(body.model)
    audit(request, "price reopened", model=body.model, rate_cards=[one.rate_card for one in reopened])
    return web.json_response({"reopened": [_document(one) for one in reopened]})


def _document(price: ClosedPrice) -> dict[str, object]:
    return {"model": price.model, "rate_card": price.rate_card, "test": price.test}
