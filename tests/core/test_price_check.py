"""Our prices beside the upstream's catalogue, in the forms in which its pages show one."""

from typing import Any

import pytest

from gateway.core.price_check import OtherBase, PriceCheck, compare_prices, read_catalogue
from gateway.core.rate_card import ModelPrice, Unit

ROWS = [
    {"slug": "a/b/c", "pricing": {"baseCredits": 70_000, "unit": "per_second"}},
    {"slug": "a/b/d", "pricing": {"baseCredits": None, "unit": None}},
    {"slug": "a/b/e"},
]
READ = {"a/b/c": 70_000, "a/b/d": None, "a/b/e": None}


@pytest.mark.parametrize(
    "document",
    [
        ROWS,
        {"models": ROWS},
        {"success": True, "data": ROWS, "requestId": "r"},
        {"success": True, "data": {"models": ROWS}, "requestId": "r"},
    ],
)
def test_every_documented_form_is_read(document: object) -> None:
    assert read_catalogue(document) == READ


@pytest.mark.parametrize("document", [None, 1, "x", {}, {"models": {}}, {"data": None}, [1], [{}], [{"slug": 1}]])
def test_what_is_no_catalogue_is_not_read_as_an_empty_one(document: Any) -> None:
    assert read_catalogue(document) is None


@pytest.mark.parametrize("base", ["70000", 70_000.0, True, -1, None, [], {}])
def test_what_is_no_amount_is_no_price(base: object) -> None:
    assert read_catalogue([{"slug": "a", "pricing": {"baseCredits": base}}]) == {"a": None}


def price(slug: str, base: int) -> tuple[str, ModelPrice]:
    return slug, ModelPrice(slug, base, Unit.SECOND)


def test_models_of_one_side_and_other_base_prices_are_told() -> None:
    ours = dict([price("same", 0), price("dearer", 7), price("gone", 1), price("unpriced", 5)])
    upstream = {"same": 0, "dearer": 8, "new": 3, "unpriced": None, "neither": None}
    found = compare_prices(ours, upstream)
    assert found == PriceCheck(("gone",), ("new",), (OtherBase("dearer", 7, 8), OtherBase("unpriced", 5, None)))
    assert not found.agrees


def test_the_same_on_both_sides_agrees() -> None:
    assert compare_prices(dict([price("same", 4)]), {"same": 4, "neither": None}).agrees
