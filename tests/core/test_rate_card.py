"""Prices as a price file states them: exact multipliers, and options that are found by their own meaning only."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rate_card import (
    MULTIPLIER,
    WHOLE_NUMBER,
    Bounds,
    Factor,
    ModelPrice,
    Option,
    Unit,
    option,
    option_text,
)

multipliers = st.from_regex(MULTIPLIER, fullmatch=True)
numbers = st.integers(0, 999_999_999)


def factor(options: dict[str, str], default: str | int | bool | None = None) -> Factor:
    return Factor("field", tuple(option(text, multiplier) for text, multiplier in options.items()), default)


def found(one: Factor, value: object) -> str | None:
    option = one.find(value)
    return None if option is None else option.text


# --- Multipliers ---


@given(multipliers)
def test_a_multiplier_is_the_decimal_it_was_written_as(multiplier: str) -> None:
    read = option("5", multiplier)

    assert read.ratio == Fraction(Decimal(multiplier))
    assert (read.text, read.multiplier) == ("5", multiplier)


def test_a_multiplier_keeps_the_digits_that_were_written() -> None:
    assert option("1080p", "1.6667") == Option("1080p", "1.6667", 16667, 10_000)
    assert option("1080p", "1.50").ratio == option("1080p", "1.5").ratio


@pytest.mark.parametrize("text", ["", "1.", ".5", "01", "-1", "+1", "1e3", " 1", "1\n", "1_000", "1.0000001", "１"])
def test_nothing_else_is_a_multiplier(text: str) -> None:
    assert MULTIPLIER.fullmatch(text) is None


@given(st.text(max_size=10) | numbers.map(str))
def test_a_whole_number_is_written_in_one_way(text: str) -> None:
    assert (WHOLE_NUMBER.fullmatch(text) is not None) == (text.isascii() and text.isdigit() and text == str(int(text)))


# --- Options ---


@given(numbers)
def test_a_number_is_found_as_a_number_and_as_its_text(number: int) -> None:
    one = factor({str(number): "1", str(number + 1): "2"})

    assert found(one, number) == found(one, str(number)) == str(number)
    assert found(one, number + 2) is None


@given(st.booleans())
def test_a_boolean_is_found_as_a_boolean_and_as_its_text(flag: bool) -> None:
    one = factor({"true": "1", "false": "2"})

    assert found(one, flag) == found(one, option_text(flag)) == ("true" if flag else "false")
    assert found(one, int(flag)) is None


@pytest.mark.parametrize(
    "value",
    [True, False, 1.0, None, [], {}, ["1"], b"1", " 1", "1 ", "01", "1.0", "+1", "１", -1, Decimal(1), "TRUE", "True"],
)
def test_nothing_is_tidied_so_that_it_means_an_option(value: object) -> None:
    assert found(factor({"1": "1", "0": "2", "007": "3", "high": "4"}), value) is None


def test_a_text_that_only_looks_like_a_number_is_found_as_text_alone() -> None:
    one = factor({"007": "1", "16:9": "2"})

    assert [found(one, value) for value in ("007", 7, "7", "16:9")] == ["007", None, None, "16:9"]


@given(st.integers(-(10**12), 10**12) | st.booleans() | st.text())
def test_what_a_value_is_found_by_is_the_text_that_it_means(value: str | int | bool) -> None:
    one = factor({option_text(value): "1", "another": "2"})

    assert found(one, option_text(value)) == option_text(value)
    assert found(one, value) in (option_text(value), None)


@pytest.mark.parametrize(("default", "text"), [(5, "5"), ("5", "5"), (True, "true"), (None, None)])
def test_an_omitted_field_is_priced_at_its_default(default: str | int | bool | None, text: str | None) -> None:
    omitted = factor({"5": "1", "true": "2"}, default).omitted

    assert (omitted.text if omitted else None) == text


# --- The dearest ---


@given(st.dictionaries(numbers.map(str) | st.sampled_from(["low", "high"]), multipliers, min_size=1, max_size=6))
def test_no_option_is_dearer_than_the_dearest_nor_counts_more_at_its_price(options: dict[str, str]) -> None:
    dearest = factor(options).dearest
    rivals = [text for text, multiplier in options.items() if Fraction(multiplier) == dearest.ratio and text.isdigit()]

    assert dearest.ratio == max(Fraction(multiplier) for multiplier in options.values())
    assert all(int(text) <= int(dearest.text) for text in rivals if int(text))


def test_of_equally_dear_options_the_larger_number_is_the_dearest() -> None:
    assert factor({"9": "2", "10": "2.0", "8": "2"}).dearest.text == "10"


# --- Models ---


def test_a_price_depends_on_its_factors_and_on_the_roots_of_their_bounds() -> None:
    shots = Factor("duration", (option("5", "5"),), bounds=Bounds("shots", "seconds"))
    model = ModelPrice("maker/film", 1, Unit.SECOND, (shots, factor({"1": "1"})), free=frozenset({"size"}))

    assert model.priced_names == {"duration", "shots", "field"}
