"""Closed prices on the control plane and the command line, against a store in which one was closed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.system import SystemClock
from tests.adapters.redis.closing import overcharge
from tests.adapters.redis.holds import open_ledger
from tests.cli.run import Tollhouse
from tests.control import RunningControl, running_control

KLING = "kling/kling-2.6-pro/text-to-video"
CLOSED = {"model": KLING, "rate_card": "2026-11-01", "test": False}


@pytest.fixture
async def plane(store: Store) -> AsyncIterator[RunningControl]:
    await overcharge(await open_ledger(store), 3, SystemClock().now())
    async with running_control(store) as plane:
        yield plane


async def test_over_http(plane: RunningControl) -> None:
    assert await plane.ask("GET", "/admin/v1/closed-prices") == (200, {"closed_prices": [CLOSED]})
    status, told = await plane.ask("POST", "/admin/v1/closed-prices/reopen", {"model": "a/b"})
    assert (status, told["error"]["code"]) == (404, "PRICE_NOT_CLOSED")
    assert await plane.ask("POST", "/admin/v1/closed-prices/reopen", {"model": KLING}) == (200, {"reopened": [CLOSED]})
    assert await plane.ask("GET", "/admin/v1/closed-prices") == (200, {"closed_prices": []})


async def test_a_body_that_says_something_else_reopens_nothing(plane: RunningControl) -> None:
    for body in ({}, {"model": 1}, {"model": KLING, "all": True}):
        assert (await plane.ask("POST", "/admin/v1/closed-prices/reopen", body))[0] == 400
    assert await plane.ask("GET", "/admin/v1/closed-prices") == (200, {"closed_prices": [CLOSED]})


async def test_on_the_command_line(plane: RunningControl) -> None:
    tollhouse = Tollhouse(plane)
    assert await tollhouse.document("price", "closed") == {"closed_prices": [CLOSED]}
    assert KLING in (await tollhouse("price", "closed")).stdout
    assert (await tollhouse("price", "reopen", "a/b")).exit_code == 3
    assert await tollhouse.document("price", "reopen", KLING) == {"reopened": [CLOSED]}
    assert (await tollhouse("price", "closed")).stdout == "No price is closed.\n"


async def test_what_was_charged_beside_its_quotes(plane: RunningControl) -> None:
    """Three jobs were quoted nothing and charged two micro-USD each."""
    now = SystemClock().now()
    until = (now + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = {
        "model": KLING,
        "rate_card": "2026-11-01",
        "jobs_above": 3,
        "above_usd": "0.000006",
        "jobs_below": 0,
        "below_usd": "0.000000",
    }
    status, told = await plane.ask("GET", f"/admin/v1/price-drift?until={until}")
    assert (status, told["drift"], told["until"]) == (200, [line], until)
    earlier = (now - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await plane.ask("GET", f"/admin/v1/price-drift?until={earlier}"))[1]["drift"] == []
    status, told = await plane.ask("GET", f"/admin/v1/price-drift?since={until}&until={earlier}")
    assert (status, told["error"]["details"]["field"]) == (400, "since")

    tollhouse = Tollhouse(plane)
    shown = await tollhouse("price", "drift", "--since", "1d", "--until", until)
    assert shown.stdout.splitlines()[1].split() == [KLING, "2026-11-01", "3", "0.000006", "0", "0.000000"]
    assert (await tollhouse("price", "drift", "--until", earlier)).stdout == "Every job was charged what was quoted.\n"
    assert (await tollhouse.document("price", "drift", "--since", "1d", "--until", until))["drift"] == [line]
    assert (await tollhouse("price", "drift", "--since", "soon")).exit_code == 2
