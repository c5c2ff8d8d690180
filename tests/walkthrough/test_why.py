"""A refused client is told what would pass, sends just that, and is admitted."""

from typing import Any

from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, SLUG, Answer, House, Key, open_house
from tests.walkthrough.policies import FEW, allow, budget, in_flight, quota, shipped_prices, team
from tests.walkthrough.refused import SUBMIT, refused, told

DEAR: dict[str, Any] = {"prompt": "a lighthouse", "duration": 10, "has_sound": True}


async def follow(house: House, key: Key, answer: Answer, sent: dict[str, Any]) -> Answer:
    """Send the first suggestion as it is. A quote has promised it, and its cost is the one that was told."""
    first = answer.details["would_pass"][0]
    body = {"model": first["model"], "input": {**sent, **first["changes"]}}
    quote = await house.ask("POST", "/tollhouse/v1/quote", key, body=body)
    assert (quote.document["admitted"], quote.document["decided_by"], quote.document["would_pass"]) == (True, None, [])
    accepted = await house.ask(*SUBMIT, key, body=body)
    assert (accepted.status, accepted.headers["Tollhouse-Cost-Usd"]) == (200, first["cost_usd"])
    return accepted


async def test_whatever_refuses_the_first_suggestion_sent_as_it_is_is_admitted() -> None:
    only = {"models": [SLUG]}
    rules = {
        "spend": team(budget("1.00"), allow(**only), slug="spend"),
        "film": team(quota("seconds", 9, "film"), allow(**only), slug="film"),
        "each": team(allow(cost_per_job="0.35", **only), slug="each"),
        "quiet": team(allow(input={"has_sound": ["false"]}, **only), slug="quiet"),
        "family": team(budget("0.70", "family", models=["kling/*"]), allow(**only), slug="family"),
    }
    firsts = {
        "spend": {"duration": 5},
        "film": {"duration": 5},
        "each": {"duration": 5, "has_sound": False},
        "quiet": {"has_sound": False},
        "family": {"duration": 5},
    }
    async with open_house(*rules.values()) as house:
        for slug, changes in firsts.items():
            key = await house.key(slug)
            answer = await refused(house, key, body={"model": SLUG, "input": DEAR})
            assert answer.details["would_pass"][0]["changes"] == changes
            assert all(f'"{field}"' in answer.error["message"] for field in changes)
            assert answer.error["message"].endswith("USD.")
            await follow(house, key, answer, DEAR)


async def test_a_model_that_is_not_allowed_or_whose_family_is_used_up_has_a_cheaper_one_of_its_kind() -> None:
    """Only a model that key and team may run, whose own limits have room, and that the same input has a price on."""
    narrow = team(allow(models=["kling/*"]), slug="narrow")
    used_up = team(budget("0.00", "google", models=["google/*"]), allow(models=["google/*", "kling/*"]), slug="used-up")
    veo = next(slug for slug in FEW if slug.startswith("google/"))
    async with open_house(shipped_prices(), narrow, used_up) as house:
        for slug in ("narrow", "used-up"):
            key = await house.key(slug)
            answer = await refused(house, key, body={"model": veo, "input": {"prompt": "a lighthouse"}})
            models = [row["model"] for row in answer.details["would_pass"]]
            assert models
            assert all(model.startswith("kling/") and model.endswith("/text-to-video") for model in models)
            assert f'It would pass now on "{models[0]}"' in answer.error["message"]
            await follow(house, key, answer, {"prompt": "a lighthouse"})
            if slug == "narrow":
                assert answer.details["models"] == ["kling/*"]

        of_one_kind = await house.key("narrow", models=["kling/kling-2.6-pro/image-to-video"])
        answer = await refused(house, of_one_kind, body={"model": SLUG, "input": DEAR})
        assert (answer.details["scope"], answer.details["models"]) == ("key", ["kling/kling-2.6-pro/image-to-video"])
        assert answer.details["would_pass"] == []


async def test_a_family_scope_counts_its_models_alone() -> None:
    """A limit with `models` is met by the models that its patterns match, and is none of the others' business."""
    rules = team(budget("0.70", "kling", models=["kling/*"]), budget("9.00", "veo", models=["google/*", "xai/*"]))
    async with open_house(rules) as house:
        key = await house.key()
        assert (await house.submit(key, **SEED)).status == 200
        answer = await refused(house, key)
        assert (answer.details["limit"], answer.code) == ("kling", "BUDGET_EXCEEDED")
        assert [row["name"] for row in answer.details["matched"]] == ["ample", "kling"]
        assert (await house.submit(key, model="google/veo-3.1-fast/text-to-video")).status == 200
        assert (await house.limit(key, "kling"))["posted"] == "0.700000"
        assert float((await house.limit(key, "veo"))["posted"]) > 0


async def test_where_no_input_helps_nothing_is_suggested() -> None:
    async with open_house(
        team(in_flight(1), slug="busy"), team(budget("0.01"), slug="poor"), team(quota("jobs", 0), slug="idle")
    ) as house:
        busy = await house.key("busy")
        assert (await house.submit(busy)).status == 200
        for key in (busy, await house.key("poor"), await house.key("idle")):
            answer = await refused(house, key, body={"model": SLUG, "input": DEAR})
            assert answer.details["would_pass"] == []
            assert "It would pass" not in answer.error["message"]


async def test_a_price_that_is_closed_is_no_way_out() -> None:
    body = {"model": "google/veo-3.1-fast/text-to-video", "input": {"prompt": "a lighthouse"}}
    async with open_house(team(allow(models=[SLUG])), faults=Faults(cost_factor="2")) as house:
        answer = await refused(house, await house.key(), body=body)
        assert [row["model"] for row in answer.details["would_pass"]] == [SLUG]
        key = await house.key()
        assert [(await house.submit(key)).status for _ in range(3)] == [200, 200, 200]
        assert (await house.submit(key)).code == "PRICE_UNKNOWN"
        answer = await refused(house, key, body=body)
        assert answer.details["would_pass"] == []


async def test_a_quote_names_the_limit_that_decides_and_what_would_pass() -> None:
    shadow = budget("0.01", "watched", mode="shadow")
    async with open_house(team(budget("1.00"), shadow, allow(models=[SLUG]))) as house:
        key = await house.key()
        quote = (await house.ask("POST", "/tollhouse/v1/quote", key, body={"model": SLUG, "input": DEAR})).document
        assert (quote["admitted"], quote["decided_by"]) == (False, {"name": "budget", "scope": "team"})
        answer = await refused(house, key, body={"model": SLUG, "input": DEAR})
        assert told(answer) == (402, "REQUEST_EXCEEDS_LIMIT")
        assert answer.details["would_pass"] == quote["would_pass"]
        assert answer.details["matched"] == quote["limits"]
        assert {row["name"]: row["mode"] for row in quote["limits"]}["watched"] == "shadow"
