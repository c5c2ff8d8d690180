"""Money: exact in, exact out, and rounded by one of four rules, each stated here in its own words."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.money import MAX_AMOUNT, Rounding, format_usd, parse_usd, round_quotient, round_up

amounts = st.integers(0, MAX_AMOUNT)


@given(amounts)
def test_an_amount_survives_being_written_and_read(amount: int) -> None:
    assert parse_usd(format_usd(amount)) == amount


@given(amounts)
def test_an_amount_is_written_as_decimal_dollars_with_six_places(amount: int) -> None:
    assert Decimal(format_usd(amount)) * 1_000_000 == amount
    assert len(format_usd(amount).partition(".")[2]) == 6
    assert format_usd(-amount) == (f"-{format_usd(amount)}" if amount else "0.000000")


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("0", 0),
        ("0.00", 0),
        ("0.000001", 1),
        ("0.7", 700_000),
        ("25000.00", 25_000_000_000),
        ("9007199254.740991", MAX_AMOUNT),
    ],
)
def test_dollars_are_read_exactly(text: str, micro: int) -> None:
    assert parse_usd(text) == micro


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", "-1", "01", "1.", ".5", "1.0000001", "1e3", "1,000", "1_000", "$1", "NaN", "١", "1\n"],
)
def test_anything_but_plain_digits_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of USD"):
        parse_usd(text)


def test_an_amount_that_scripts_could_not_hold_exactly_is_refused() -> None:
    with pytest.raises(ValueError, match="is not an amount of USD"):
        parse_usd("9007199254.740992")


def expected(exact: Fraction, rounding: Rounding) -> int:
    """Each rule said with fractions and comparisons only."""
    below, above = floor(exact), ceil(exact)
    down_is_nearer, up_is_nearer = exact - below < above - exact, exact - below > above - exact
    match rounding:
        case Rounding.UP:
            return above
        case Rounding.DOWN:
            return below
        case Rounding.HALF_UP:
            return below if down_is_nearer else above
        case Rounding.HALF_EVEN:
            even = below if below % 2 == 0 else above
            return below if down_is_nearer else above if up_is_nearer else even


@given(st.integers(0, MAX_AMOUNT * 10**12), st.integers(1, 10**12), st.sampled_from(Rounding))
@example(1, 2, Rounding.HALF_EVEN)
@example(3, 2, Rounding.HALF_EVEN)
@example(140_002_5, 10, Rounding.HALF_UP)
def test_rounding_a_quotient(numerator: int, denominator: int, rounding: Rounding) -> None:
    assert round_quotient(numerator, denominator, rounding) == expected(Fraction(numerator, denominator), rounding)


@given(st.integers(0, MAX_AMOUNT), st.integers(0, 30), st.sampled_from(Rounding))
def test_halves_of_every_size(whole: int, zeros: int, rounding: Rounding) -> None:
    numerator, denominator = (2 * whole + 1) * 10**zeros, 2 * 10**zeros

    assert round_quotient(numerator, denominator, rounding) == expected(Fraction(2 * whole + 1, 2), rounding)


@given(st.decimals(0, MAX_AMOUNT, allow_nan=False, allow_infinity=False))
def test_a_fractional_charge_is_rounded_up(amount: Decimal) -> None:
    assert round_up(amount) == ceil(Fraction(amount))
