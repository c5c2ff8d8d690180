"""`/openapi.json` for machines and `/docs` for people: what the control plane can be asked. Neither needs a key.

The rule of this file: the page fetches nothing from anywhere else, and its browser is told to see to that.
"""

import json
from importlib import resources
from typing import Final

from aiohttp import web

from gateway import __version__
from gateway.web.admin import OPERATIONS
from gateway.web.openapi import document

_ASSETS: Final = resources.files("gateway.web") / "assets"
# A web component that shows an OpenAPI document (MIT, its licence beside it), as its makers compressed it.
_VIEWER: Final = "rapidoc-9.3.8.js"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollhouse control plane</title>
<script type="module" src="/docs/{_VIEWER}"></script>
</head>
<body style="margin:0">
<rapi-doc spec-url="/openapi.json" render-style="read" theme="light" load-fonts="false" show-header="false"
 allow-spec-url-load="false" allow-spec-file-load="false" allow-server-selection="false" schema-style="table"
 regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace" primary-color="#0b6e4f"
 persist-auth="false" sort-tags="true" use-path-in-nav-bar="false">
</rapi-doc>
</body>
</html>
"""
_SAFE: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def docs_routes() -> list[web.RouteDef]:
    """Every route, for the control plane's application."""
    described = json.dumps(document(OPERATIONS, __version__)).encode()
    viewer = (_ASSETS / f"{_VIEWER}.gz").read_bytes()

    async def openapi(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=described, content_type="application/json")

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=_PAGE, content_type="text/html", headers=_SAFE)

    async def script(_request: web.Request) -> web.StreamResponse:
        extra = {"Content-Encoding": "gzip", "Cache-Control": "public, max-age=86400, immutable"}
        return web.Response(body=viewer, content_type="text/javascript", headers={**_SAFE, **extra})

    return [
        web.get("/openapi.json", openapi, allow_head=False),
        web.get("/docs", page, allow_head=False),
        web.get(f"/docs/{_VIEWER}", script, allow_head=False),
    ]
