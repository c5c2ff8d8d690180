"""`tollhouse price check`: the price files beside the catalogue of an upstream, which may not answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.catalogue import catalogue_url
from gateway.sandbox.catalogue_routes import catalogue_models
from gateway.settings import load_settings

SHIPPED = str(Path(__file__).parents[2] / "policies")
KLING = "kling/kling-2.6-pro/text-to-video"
Upstream = Callable[[Any], Awaitable[str]]


async def check(*words: str) -> Result:
    runner = CliRunner(env={"TOLLHOUSE_LISTEN": "127.0.0.1:1"})
    return await asyncio.to_thread(runner.invoke, main, ["price", "check", *words], catch_exceptions=False)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """An upstream whose catalogue is the document that it is made with; its address."""
    servers: list[TestServer] = []

    async def opened(document: Any) -> str:
        async def answer(request: web.Request) -> web.Response:
            assert not {"Authorization", "x-api-key"} & set(request.headers)
            return web.json_response(document)

        app = web.Application()
        app.router.add_get("/v1/catalog/models", answer)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/"))

    yield opened
    for server in servers:
        await server.close()


def catalogue() -> list[dict[str, Any]]:
    call: Any = None
    listed = catalogue_models(call)
    assert isinstance(listed, list)
    return listed


async def test_the_shipped_prices_are_the_sandboxs(upstream: Upstream) -> None:
    told = await check(SHIPPED, "--url", await upstream(catalogue()))
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.endswith("They agree.\n")


async def test_every_difference_is_told_and_fails(upstream: Upstream) -> None:
    rows = {row["slug"]: row for row in catalogue()}
    unpriced = next(slug for slug, row in rows.items() if row["pricing"]["baseCredits"] is None)
    rows[KLING]["pricing"]["baseCredits"] += 5
    gone = rows.pop("google/veo-3.1-fast/text-to-video")["slug"]
    rows["new/model"] = {"slug": "new/model", "pricing": {"baseCredits": 7}}
    url = await upstream({"models": list(rows.values())})

    told = await check(SHIPPED, "--url", url, "--json")
    assert (told.exit_code, told.stderr) == (1, "")
    document = json.loads(told.stdout)
    assert (document.pop("priced") > 100, document.pop("upstream")) == (True, url)
    assert document == {
        "compared": True,
        "missing_upstream": [gone],
        "not_priced": ["new/model"],
        "different": [{"model": KLING, "base_usd": "0.070000", "upstream_base_usd": "0.070005"}],
    }
    text = await check(SHIPPED, "--url", url)
    assert text.exit_code == 1
    for named in (gone, "new/model", "0.070005"):
        assert named in text.stdout
    assert unpriced not in text.stdout


@pytest.mark.parametrize("answer", [{}, [1], {"models": None}, "sorry"])
async def test_what_is_no_catalogue_is_compared_with_nothing_and_said_so(upstream: Upstream, answer: object) -> None:
    url = await upstream(answer)
    told = await check(SHIPPED, "--url", url, "--json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["compared"], "different" in document) == (0, False, False)
    assert "They were not compared" in told.stderr
    assert url in told.stderr


async def test_an_upstream_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    told = await check(SHIPPED)
    assert (told.exit_code, told.stdout) == (0, "")
    assert "not compared: http://127.0.0.1:1 does not answer" in told.stderr
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "1.toml").write_text("schema = 2")
    wrong = await check(str(tmp_path))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "prices/1.toml" in wrong.stderr


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"TOLLHOUSE_LISTEN": "unix:/run/t.sock"}, "unix:/run/t.sock"),
        ({"PIXELBYTE_API_KEY": "k"}, "https://api.muvi.video"),
        ({"PIXELBYTE_API_KEY": "k", "TOLLHOUSE_UPSTREAM_URL": "https://u.example.com"}, "https://u.example.com"),
    ],
)
def test_whose_catalogue_is_asked_for(environ: dict[str, str], url: str) -> None:
    assert catalogue_url(load_settings(environ)) == url
