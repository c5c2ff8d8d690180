"""`GET /tollhouse/v1/me` and `POST /tollhouse/v1/quote`: what a key may spend, and what a job would cost it."""

from aiohttp import web

from gateway.core.account import Account
from gateway.core.money import format_usd
from gateway.core.principal import Principal, Scope
from gateway.ports import StoreUnavailable
from gateway.service.preview import Denied, NoPolicies, Preview, Standings
from gateway.web import errors, suggestions
from gateway.web.body import read_body
from gateway.web.edge import answer
from gateway.web.limit_rows import demand_row, instant, standing_row
from gateway.web.plane import PLANE
from gateway.web.problem import GatewayError
from gateway.web.refusals import error_of


async def me(request: web.Request) -> web.StreamResponse:
    """The key's team, scopes, limits as they stand, and models with their base prices."""
    principal = await request.app[PLANE].auth.principal(request, None)
    if isinstance(principal, GatewayError):
        return answer(request, principal)
    try:
        standings = await request.app[PLANE].previews.standings(principal)
    except StoreUnavailable:
        return answer(request, errors.store_unavailable())
    if isinstance(standings, NoPolicies):
        return answer(request, errors.store_unavailable())
    return web.json_response(_me(principal, standings))


def _me(principal: Principal, standings: Standings) -> dict[str, object]:
    key = principal.key
    return {
        "organization": principal.organization,
        "team": key.team,
        "key": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "expires_at": instant(key.expires_at),
        "test": key.test,
        "as_of": instant(standings.as_of),
        "limits": [standing_row(demand, balance) for demand, balance in standings.limits],
        "models": [
            {"slug": price.slug, "base_usd": format_usd(price.base), "unit": price.unit}
            for price in sorted(standings.models, key=lambda price: price.slug)
        ],
    }


async def quote(request: web.Request) -> web.StreamResponse:
    """The price of a submit's body and the verdict of every limit, spending nothing."""
    plane = request.app[PLANE]
    principal = await plane.auth.principal(request, Scope.CHECK_STATUS)
    if isinstance(principal, GatewayError):
        return answer(request, principal)
    body = await read_body(request, plane.max_body, plane.body_timeout)
    if isinstance(body, GatewayError):
        return answer(request, body)
    try:
        preview = await plane.previews.quote(principal, body)
    except StoreUnavailable:
        return answer(request, errors.store_unavailable())
    match preview:
        case Preview():
            return web.json_response(_quote(preview))
        case NoPolicies():
            return answer(request, errors.store_unavailable())
        case Denied(deny, would_pass):
            return answer(request, error_of(deny, plane.contact(principal), plane.clock.now(), would_pass))
        case _:
            return answer(request, error_of(preview, plane.contact(principal), plane.clock.now()))


def _quote(preview: Preview) -> dict[str, object]:
    quoted = preview.quote
    return {
        "model": quoted.model,
        "version": quoted.version,
        "cost_usd": format_usd(quoted.amount),
        "micro_usd": quoted.amount,
        "factors": [{"field": one.field, "value": one.value, "multiplier": one.multiplier} for one in quoted.factors],
        "rate_card": quoted.rate_card,
        "admitted": preview.admitted,
        "as_of": instant(preview.as_of),
        "limits": [demand_row(*one) for one in preview.limits],
        "decided_by": None if preview.refusal is None else _name(preview.refusal.named.demand.account),
        "would_pass": suggestions.rows(preview.would_pass),
    }


def _name(account: Account) -> dict[str, object]:
    """A limit's name is unique within its file alone."""
    return {"name": account.limit, "scope": account.scope}
