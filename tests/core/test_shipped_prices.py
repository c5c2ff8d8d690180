"""The shipped prices against the provider's facts as the sandbox keeps them, computed here by fractions."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from itertools import product
from math import ceil, prod
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.policy_files.prices import read_price_book
from gateway.core.account import Meter
from gateway.core.field_name import fold
from gateway.core.money import Rounding, round_quotient
from gateway.core.pricing import InputRefused, PriceBook, PriceUnknown, Quote

ROOT = Path(__file__).parents[2]
FACTS: dict[str, dict[str, Any]] = {
    model["slug"]: model for model in json.loads((ROOT / "gateway" / "sandbox" / "catalogue.json").read_text("utf-8"))
}
PRICED = {slug: model for slug, model in FACTS.items() if model["base"] is not None}
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def shipped() -> PriceBook:
    files = {f"prices/{path.name}": path.read_text("utf-8") for path in (ROOT / "policies" / "prices").glob("*.toml")}
    book = read_price_book(files)
    assert isinstance(book, PriceBook), book
    return book


BOOK = shipped()
GUARDED = {name for price in BOOK.models(NOW).values() for name in price.priced_names}

every_priced_model = pytest.mark.parametrize("slug", PRICED)


def quoted(slug: str, inputs: Mapping[str, object]) -> Quote:
    quote = BOOK.quote(slug, None, inputs, NOW)
    assert isinstance(quote, Quote), quote
    return quote


def requests(model: dict[str, Any]) -> Iterator[tuple[dict[str, str], Fraction]]:
    """Every combination of options, each factor left out too where it may be, with the exact price of each."""
    choices = [list(_choices(factor)) for factor in model["factors"]]
    for chosen in product(*choices):
        sent = {field: value for field, value, _ in chosen if value is not None}
        yield sent, prod((ratio for _, _, ratio in chosen), start=Fraction(model["base"]))


def _choices(factor: dict[str, Any]) -> Iterator[tuple[str, str | None, Fraction]]:
    multipliers = {text: Fraction(multiplier) for text, multiplier in factor["multipliers"].items()}
    if factor.get("derived_from_media"):
        yield factor["field"], None, max(multipliers.values())
        return
    for text, multiplier in multipliers.items():
        yield factor["field"], text, multiplier
    if factor["default"] is not None:
        yield factor["field"], None, multipliers[factor["default"]]


def test_exactly_the_models_with_a_documented_price_are_priced() -> None:
    assert len(PRICED) == 143
    assert set(BOOK.models(NOW)) == set(PRICED)
    assert [BOOK.quote(slug, None, {}, NOW) for slug in FACTS if slug not in PRICED] == [
        PriceUnknown("google/veo-3.1-quality/text-to-video", None)
    ]


@every_priced_model
def test_every_combination_of_options_costs_what_is_documented(slug: str) -> None:
    for sent, exact in requests(PRICED[slug]):
        quote = quoted(slug, {"prompt": "a dog", **sent})

        assert quote.amount == round_quotient(exact.numerator, exact.denominator, Rounding.HALF_UP), sent
        assert quote.hold_amount == ceil(exact), sent


@every_priced_model
def test_options_are_those_documented_and_a_missing_default_makes_a_field_required(slug: str) -> None:
    required = [factor for factor in PRICED[slug]["factors"] if factor["default"] is None]
    sendable = {factor["field"]: factor for factor in required if not factor.get("derived_from_media")}

    for field, factor in sendable.items():
        others = {other: next(iter(sendable[other]["multipliers"])) for other in sendable if other != field}
        refusal = BOOK.quote(slug, None, others, NOW)
        assert isinstance(refusal, InputRefused)
        assert (refusal.field, refusal.options) == (field, tuple(factor["multipliers"]))


def test_required_fields_are_exactly_these() -> None:
    required = {
        (slug, factor.field)
        for slug, price in BOOK.models(NOW).items()
        for factor in price.factors
        if factor.omitted is None and not factor.from_media
    }

    assert required == {
        ("xai/grok-imagine/image-to-video", "duration"),
        ("xai/grok-imagine/image-to-video", "resolution"),
        ("bytedance-plus/seedream-v4.5/image-to-image", "resolution"),
    }


@every_priced_model
def test_every_documented_input_is_taken(slug: str) -> None:
    """No documented field may be refused for looking like somebody else's priced one."""
    factors = {factor["field"]: next(iter(factor["multipliers"])) for factor in PRICED[slug]["factors"]}
    inputs = {field["name"]: factors.get(field["name"], field.get("default", [])) for field in PRICED[slug]["inputs"]}

    quoted(slug, inputs)


@every_priced_model
def test_every_name_priced_elsewhere_is_refused_unless_the_model_documents_it(slug: str) -> None:
    documented = {field["name"] for field in PRICED[slug]["inputs"]}

    for name in GUARDED - documented:
        refusal = BOOK.quote(slug, None, {name: "1"}, NOW)
        assert isinstance(refusal, InputRefused), name
        assert refusal.field == name


@every_priced_model
def test_no_name_like_a_priced_one_passes(slug: str) -> None:
    for name in GUARDED:
        for twin in (name.upper(), name.title(), f" {name}", f"{name}\u200b", name.replace("_", "-") + "_"):
            refusal = BOOK.quote(slug, None, {twin: "1"}, NOW)
            assert isinstance(refusal, InputRefused), twin
            assert fold(refusal.field.replace("\\u200b", "")) == fold(name)


@every_priced_model
def test_images_and_seconds_are_counted_as_sent(slug: str) -> None:
    model = PRICED[slug]
    fields = {field["name"]: field for field in model["inputs"]}
    counting = {"image": {"num_images", "numberOfGenerations"}, "video": {"duration"}}[model["media"]]
    meter = {"image": Meter.IMAGES, "video": Meter.SECONDS}[model["media"]]
    required = {
        factor["field"]: next(iter(factor["multipliers"]))
        for factor in model["factors"]
        if factor["default"] is None and not factor.get("derived_from_media")
    }
    counts = [fields[name] for name in fields if name in counting]

    for field in counts:
        for value in field["options"]:
            assert quoted(slug, {**required, field["name"]: value}).meters == {meter: int(value)}
    if not counts and model["media"] == "image":
        assert quoted(slug, required).meters == {Meter.IMAGES: 1}


def test_video_models_that_count_no_seconds_are_the_flat_ones_and_one_that_follows_its_media_counts_the_most() -> None:
    unmetered = {slug for slug in PRICED if PRICED[slug]["media"] == "video" and not BOOK.models(NOW)[slug].meters}
    motion = quoted("kling/kling-motion-create-v3/motion-transfer-to-video", {})

    assert unmetered == {slug for slug in PRICED if PRICED[slug]["media"] == "video" and not PRICED[slug]["factors"]}
    assert len(unmetered) == 12
    assert motion.meters == {Meter.SECONDS: 10}


def test_models_that_take_shots_are_bounded_by_them() -> None:
    bounded = {slug for slug, price in BOOK.models(NOW).items() if any(factor.bounds for factor in price.factors)}

    assert bounded == {slug for slug in FACTS if any(field["name"] == "multishot" for field in FACTS[slug]["inputs"])}
    assert len(bounded) == 8
    for slug in bounded:
        short, long = (quoted(slug, {"multishot": [{"duration": n}, {"duration": "5"}]}) for n in (1, 10))
        assert long.amount * 6 == short.amount * 15


def test_figures_worth_knowing_by_heart() -> None:
    def cost(slug: str, **inputs: object) -> int:
        return quoted(slug, inputs).amount

    assert cost("kling/kling-2.6-pro/text-to-video") == 350_000
    assert cost("kling/kling-2.6-pro/text-to-video", duration="5", has_sound="true") == 700_000
    assert cost("kling/kling-2.6-pro/text-to-video", duration=10, has_sound=True) == 1_400_000
    assert cost("kling-plus/kling-2.6-pro/text-to-video") == 700_000
    assert cost("kling-plus/kling-2.6-pro/motion-control") == 40_000
    assert cost("bytedance-plus/seedance-1.5-pro-super/image-to-video") == 280_005
    assert cost("bytedance-plus/seedance-1.5-pro-super/image-to-video", generate_audio=False) == 140_003
    assert cost("xai/grok-imagine/image-to-video", duration="6", resolution="480p") == 300_000
    assert cost("google/nano-banana-dev/text-to-image", numberOfGenerations=4) == 40_000
    assert quoted("google/nano-banana-dev/text-to-image", {}).pinned == {"numberOfGenerations": 1}
    assert quoted("bytedance-plus/seedance-1.5-pro-super/image-to-video", {}).pinned["generate_audio"] is True
