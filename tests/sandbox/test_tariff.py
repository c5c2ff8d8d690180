"""Every price, against a second computation in decimals straight from the JSON facts."""

import json
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest

from gateway.sandbox.catalogue import models
from gateway.sandbox.replies import Refusal
from gateway.sandbox.tariff import Price, half_up, price

FACTS: list[dict[str, Any]] = json.loads(files("gateway.sandbox").joinpath("catalogue.json").read_text("utf-8"))
PRICED = [each for each in FACTS if each["base"] is not None]

KLING = "kling/kling-2.6-pro/text-to-video"
SEEDANCE = "bytedance-plus/seedance-1.5-pro-super/image-to-video"
GROK = "xai/grok-imagine/image-to-video"
MOTION = "kling/kling-motion-create-v3/motion-transfer-to-video"
SHOTS = "kling-plus/kling-o3-pro/text-to-video"


def charged(slug: str, given: dict[str, object] | None = None, media_seconds: int = 5) -> int:
    priced = price(models()[slug], given or {}, media_seconds)
    assert isinstance(priced, Price), priced
    return half_up(priced.full)


def refused(slug: str, given: dict[str, object]) -> Refusal:
    priced = price(models()[slug], given, 5)
    assert isinstance(priced, Refusal), priced
    return priced


def in_decimals(facts: dict[str, Any], options: dict[str, str]) -> int:
    product = Decimal(facts["base"])
    for factor in facts["factors"]:
        product *= Decimal(factor["multipliers"][options[factor["field"]]])
    return int(product.quantize(Decimal(1), ROUND_HALF_UP))


def plain_options(facts: dict[str, Any]) -> dict[str, str]:
    """The documented default of each factor; where there is none, the first option."""
    return {each["field"]: each["default"] or next(iter(each["multipliers"])) for each in facts["factors"]}


def required(facts: dict[str, Any]) -> dict[str, object]:
    """What a request must name: the factors without a default."""
    plain = plain_options(facts)
    return {
        each["field"]: plain[each["field"]]
        for each in facts["factors"]
        if each["default"] is None and not each.get("derived_from_media")
    }


@pytest.mark.parametrize("facts", PRICED, ids=lambda facts: facts["slug"])
def test_defaults_are_priced(facts: dict[str, Any]) -> None:
    assert charged(facts["slug"], required(facts)) == in_decimals(facts, plain_options(facts))


@pytest.mark.parametrize("facts", PRICED, ids=lambda facts: facts["slug"])
def test_every_single_option_is_priced(facts: dict[str, Any]) -> None:
    for factor in facts["factors"]:
        for option in factor["multipliers"]:
            expected = in_decimals(facts, plain_options(facts) | {factor["field"]: option})
            if factor.get("derived_from_media"):
                assert charged(facts["slug"], required(facts), media_seconds=int(option)) == expected
            else:
                assert charged(facts["slug"], required(facts) | {factor["field"]: option}) == expected


def test_the_figures_printed_on_the_seed_page() -> None:
    assert charged(KLING) == 350_000
    assert charged(KLING, {"duration": "5", "has_sound": "true"}) == 700_000
    assert charged(KLING, {"duration": "10", "has_sound": "true"}) == 1_400_000


def test_four_decimal_multipliers_stay_exact_and_halves_round_up() -> None:
    assert charged(SEEDANCE) == 280_005
    assert charged(SEEDANCE, {"generate_audio": False}) == 140_003


def test_half_up() -> None:
    assert [half_up(Fraction(each, 4)) for each in (0, 1, 2, 3, 4, 6)] == [0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize("ten", ["10", 10, 10.0])
@pytest.mark.parametrize("loud", ["true", True])
def test_options_count_in_every_json_type_of_the_same_meaning(ten: object, loud: object) -> None:
    assert charged(KLING, {"duration": ten, "has_sound": loud}) == 1_400_000


def test_null_is_the_same_as_left_out() -> None:
    assert charged(KLING, {"duration": None, "has_sound": None}) == 350_000


@pytest.mark.parametrize("odd", ["7", "05", " 5", "5.0", 7, 5.5, True, [], {}, "", 1e308])
def test_what_is_no_option_is_refused_by_name(odd: object) -> None:
    refusal = refused(KLING, {"duration": odd})
    assert refusal.code == "INVALID_INPUT"
    assert refusal.details == {"field": "duration", "options": ["5", "10"]}


def test_unknown_fields_are_ignored() -> None:
    assert charged(KLING, {"Duration": "10", "quality": "pro", "num_images": 4}) == 350_000


def test_a_required_factor_has_no_price_when_left_out() -> None:
    assert refused(GROK, {"duration": "6"}).details == {"field": "resolution"}
    assert charged(GROK, {"duration": "6", "resolution": "720p"}) == 420_000


def test_a_factor_without_default_is_not_required_when_all_options_cost_the_same() -> None:
    assert charged("bytedance-plus/seedream-v4.5/image-to-image") == 40_000


def test_the_media_decides_where_the_request_cannot() -> None:
    assert charged(MOTION, {"duration": "5"}, media_seconds=10) == 700_000
    assert isinstance(price(models()[MOTION], {}, 7), Refusal)


def test_a_model_without_a_price_cannot_be_had() -> None:
    assert refused("google/veo-3.1-quality/text-to-video", {}).code == "MODEL_NOT_FOUND"


def shots(*lengths: object) -> list[dict[str, object]]:
    return [{"prompt": "a"} if each is None else {"prompt": "a", "duration": each} for each in lengths]


def test_shots_longer_than_the_clip_are_charged() -> None:
    second = charged(SHOTS, {"duration": "3"}) // 3
    assert charged(SHOTS, {"duration": "5", "multishot": shots(4, "4", 4)}) == 12 * second
    assert charged(SHOTS, {"duration": "10", "multishot": shots(2, 3)}) == 10 * second
    assert charged(SHOTS, {"multishot": shots(None, 4)}) == 9 * second
    assert charged(SHOTS, {"duration": "5", "multishot": []}) == 5 * second


def test_shots_beyond_the_longest_clip_are_refused() -> None:
    assert refused(SHOTS, {"multishot": shots(10, 6)}).details["field"] == "duration"


@pytest.mark.parametrize(
    "odd", ["3", {"duration": 3}, [3], shots(-1), shots("x"), shots(True), shots([]), shots(10**9)]
)
def test_shots_that_cannot_be_read_are_refused(odd: object) -> None:
    assert refused(SHOTS, {"multishot": odd}).details == {"field": "multishot"}


def test_multishot_means_nothing_to_other_models() -> None:
    assert charged(KLING, {"multishot": shots(10, 10)}) == 350_000
