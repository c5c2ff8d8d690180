"""Every model of the catalogue, once at its defaults: what the provider charges is what we hold and what we post.

The provider is played by the sandbox, which reads its prices from another file and computes them with other code.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.walkthrough.house import Answer, House, Key, open_house
from tests.walkthrough.policies import shipped_prices, team

CATALOGUE = Path(__file__).parents[2] / "gateway" / "sandbox" / "catalogue.json"
MODELS: list[dict[str, Any]] = [
    model for model in json.loads(CATALOGUE.read_text(encoding="utf-8")) if model["base"] is not None
]
OF_MEDIA = {model["slug"] for model in MODELS for factor in model["factors"] if factor.get("derived_from_media")}


def required(model: dict[str, Any]) -> dict[str, str]:
    """The first option of every factor that has no default and can be sent."""
    return {
        factor["field"]: next(iter(factor["multipliers"]))
        for factor in model["factors"]
        if factor["default"] is None and not factor.get("derived_from_media")
    }


async def run(house: House, key: Key, model: dict[str, Any]) -> tuple[int, Answer]:
    """The price that a quote names, and the answer to a submit of the same."""
    quote = await house.quote(key, model=model["slug"], **required(model))
    assert quote.status == 200, (model["slug"], quote)
    answer = await house.submit(key, model=model["slug"], **required(model))
    assert answer.status == 200, (model["slug"], answer)
    return quote.document["micro_usd"], answer


async def test_every_model_is_charged_upstream_what_we_quoted_and_posted() -> None:
    assert len(MODELS) == 143
    async with open_house(shipped_prices(), team()) as house:
        key = await house.key()

        results = await asyncio.gather(*(run(house, key, model) for model in MODELS))

        metrics, spent = await house.metrics(), 0
        for model, (quoted, answer) in zip(MODELS, results, strict=True):
            slug, charged = model["slug"], house.sandbox.jobs.by_id[answer.document["jobId"]].cost
            hold = await house.hold(answer.hold)
            assert charged == hold.cost == answer.document["costMicroCents"], slug
            assert answer.headers["Tollhouse-Cost-Usd"] == f"{charged // 10**6}.{charged % 10**6:06}"
            assert round((metrics("tollhouse_cost_usd_total", team="video", model=slug) or 0) * 1e6) == charged, slug
            assert metrics("tollhouse_price_drift_usd_total", model=slug, direction="above") is None, slug
            if slug in OF_MEDIA:
                # Only the media knows; the dearest was held, and the rest came back.
                assert charged <= quoted == hold.hold.amount, slug
            else:
                assert charged == quoted, slug
                assert 0 <= hold.hold.amount - charged <= 1, slug
                assert metrics("tollhouse_price_drift_usd_total", model=slug, direction="below") is None, slug
            spent += charged
        assert OF_MEDIA
        assert house.sandbox.account.spent == spent
        assert (await house.accounts())["organization:acme:ample:usd"] == (spent, 0)
        assert await house.states() == {"captured": 143}
