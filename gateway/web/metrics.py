"""`GET /metrics`: counters of this process, and the figures of the store at this moment."""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.ports import StoreUnavailable, Telemetry
from gateway.service.gauges import Gauges

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a scrape works with."""

    gauges: Gauges
    telemetry: Telemetry


SCRAPE: Final = web.AppKey("scrape", Scrape)


async def metrics(request: web.Request) -> web.StreamResponse:
    """The exposition text; without the store's figures while it does not answer."""
    scrape = request.app[SCRAPE]
    try:
        figures = await scrape.gauges.read()
    except StoreUnavailable:
        figures = None
    # Writing thousands of series takes a while; submits must not wait for it.
    body = await asyncio.to_thread(scrape.telemetry.render, figures)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})
