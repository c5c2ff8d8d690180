"""The pages that say what the control plane can be asked: without a key, and with nothing from anywhere else."""

import gzip

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.web.docs import docs_routes


@pytest.fixture
async def client() -> TestClient[web.Request, web.Application]:
    app = web.Application()
    app.add_routes(docs_routes())
    return TestClient(TestServer(app), auto_decompress=False)


async def test_the_document_is_there_for_machines(client: TestClient[web.Request, web.Application]) -> None:
    async with client, client.get("/openapi.json") as reply:
        assert (reply.status, reply.content_type) == (200, "application/json")
        assert (await reply.json())["openapi"] == "3.1.0"


async def test_the_page_and_all_it_needs_come_from_here(client: TestClient[web.Request, web.Application]) -> None:
    async with client:
        async with client.get("/docs") as page:
            text = await page.text()
            assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert "//" not in text.replace("<!doctype", "")
        async with client.get("/docs/rapidoc-9.3.8.js") as script:
            assert (script.status, script.headers["Content-Encoding"]) == (200, "gzip")
            assert b"rapi-doc" in gzip.decompress(await script.read())
        assert '/docs/rapidoc-9.3.8.js"' in text
