"""Price files: the shipped one is sound, and every way to get one wrong has its sentence."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.policy_files.prices import parse_prices, price_book, read_price_book
from gateway.core.account import Meter
from gateway.core.complaint import Complaint
from gateway.core.money import Rounding
from gateway.core.pricing import PriceBook, Quote
from gateway.core.rate_card import Bounds, RateCard, Unit

BAD_PRICES = sorted((Path(__file__).parent / "bad_prices").glob("*.toml"))
SHIPPED = Path(__file__).parents[3] / "policies" / "prices"

SMALL = """
schema         = 1
effective_from = 2026-02-18T00:00:00Z
rounding       = "half_even"

[[model]]
slug     = "maker/film/text-to-video"
base     = 70_000
unit     = "second"
free     = ["resolution", "size"]
versions = ["2", "2.1"]
meters   = { seconds = "duration", images = 3 }
factors  = [
  { field = "duration", default = 5, multipliers = { "5" = "5", "10" = "9.50" }, bounds = "shots[].seconds" },
  { field = "loud",     multipliers = { "false" = "1", "true" = "0" } },
  { field = "frames",   from = "media", multipliers = { "few" = "1", "many" = "1.25" } },
]
"""


def card(text: str, file: str = "prices/2026-02-18.toml") -> RateCard:
    parsed = parse_prices(file, tomllib.loads(text))
    assert isinstance(parsed, RateCard), parsed
    return parsed


def complaints(text: str) -> list[str]:
    parsed = parse_prices("prices/bad.toml", tomllib.loads(text))
    assert not isinstance(parsed, RateCard)
    return [f"{complaint.key}: {complaint.message}" for complaint in parsed]


def test_every_key_of_a_price_file_arrives_in_the_rate_card() -> None:
    parsed = card(SMALL)
    film = parsed.models["maker/film/text-to-video"]
    duration, loud, frames = film.factors

    assert (parsed.version, parsed.effective_from) == ("2026-02-18", datetime(2026, 2, 18, tzinfo=UTC))
    assert parsed.rounding is Rounding.HALF_EVEN
    assert (film.base, film.unit) == (70_000, Unit.SECOND)
    assert film.free == {"resolution", "size"}
    assert film.versions == {"2", "2.1"}
    assert film.meters == {Meter.SECONDS: "duration", Meter.IMAGES: 3}
    assert (duration.default, duration.bounds, duration.from_media) == (5, Bounds("shots", "seconds"), False)
    assert [(one.text, one.multiplier, one.numerator, one.denominator) for one in duration.options] == [
        ("5", "5", 5, 1),
        ("10", "9.50", 950, 100),
    ]
    assert (loud.default, loud.bounds, loud.from_media) == (None, None, False)
    assert (frames.default, frames.from_media, frames.dearest.text) == (None, True, "many")


@pytest.mark.parametrize("path", BAD_PRICES, ids=lambda path: path.stem)
def test_one_mistake_is_one_sentence(path: Path) -> None:
    text = path.read_text("utf-8")
    expected = f"prices/bad.toml: {text.splitlines()[0].removeprefix('# ')}"

    found = read_price_book({"prices/bad.toml": text})

    assert not isinstance(found, PriceBook)
    (complaint,) = found
    if expected.endswith("…"):
        assert str(complaint).startswith(expected.removesuffix("…"))
    else:
        assert str(complaint) == expected


def test_the_directory_of_bad_files_is_not_empty() -> None:
    assert len(BAD_PRICES) >= 70


def test_all_mistakes_of_a_file_are_named_at_once() -> None:
    decimal = 'must be a decimal in quotes, such as "1.5": digits, at most six each side of the point'
    found = complaints("""
        schema   = 3
        rounding = "half_up"
        sale     = true

        [[model]]
        slug    = "maker/film"
        base    = 1.5
        unit    = "second"
        free    = ["duration"]
        meters  = { seconds = "length" }
        factors = [
          { field = "duration", default = "7", multipliers = { "5" = 5.0, "10" = "10" } },
          { field = "Duration", from = "media", default = "5", multipliers = { "5" = "5" } },
        ]

        [[model]]
        slug = "maker/film"
        base = 9_007_199_254_740_991
        factors = [{ field = "count", multipliers = { "" = "2" } }]
    """)

    assert sorted(found) == sorted(
        [
            "schema: must be 1, the only schema there is",
            "effective_from: is required",
            "sale: is not a key that is known here",
            "model[0].base: must be a whole number of micro-cents (1_000_000 are 1 USD), 0 or more",
            f"model[0].factors[0].multipliers.5: {decimal}",
            'model[0].factors[0].default: must be one of the options "5", "10"',
            "model[0].factors[1].field: names the same field as model[0].factors[0].field",
            "model[0].factors[1].default: must be left out: the media decides the value",
            "model[0].free[0]: names the same field as model[0].factors[0].field",
            "model[0].meters.seconds: must name a factor of this model, or be a whole number from 1 to 1000",
            "model[1].slug: is priced already, in model[0]",
            "model[1].unit: is required",
            'model[1].factors[0].multipliers."": an option must be 1 to 64 characters, without spaces around it',
            "model[1].base: is too much: with the dearest options a job would cost 2^53 micro-cents or more",
        ]
    )


def test_the_dearest_job_may_cost_just_below_two_to_the_53() -> None:
    text = SMALL.replace('"9.50"', '"1"').replace('"5" = "5"', '"5" = "1"').replace('"1.25"', '"1"')

    assert card(text.replace("70_000", str(2**53 - 1))).models["maker/film/text-to-video"].base == 2**53 - 1
    assert complaints(text.replace("70_000", str(2**53 - 1)).replace('"many" = "1"', '"many" = "1.000001"')) == [
        "model[0].base: is too much: with the dearest options a job would cost 2^53 micro-cents or more"
    ]


@pytest.mark.parametrize("name", ["prices/.toml", "prices/spring sale.toml", "prices/a:b.toml"])
def test_a_version_that_could_not_be_written_into_an_entry_is_refused(name: str) -> None:
    assert parse_prices(name, tomllib.loads(SMALL)) == (
        Complaint(name, "", "must be named by its version, such as 2026-02-18.toml: letters, digits, . _ -"),
    )


def test_two_cards_that_begin_at_one_moment_are_a_mistake_whatever_their_zone_notation() -> None:
    first = card(SMALL, "prices/a.toml")
    again = card(SMALL.replace("00:00:00Z", "00:00:00+00:00"), "prices/b.toml")

    assert price_book([again, first]) == (
        Complaint("prices/b.toml", "effective_from", "must differ from that of prices/a.toml"),
    )


def test_mistakes_of_all_files_are_named_at_once() -> None:
    found = read_price_book({"prices/a.toml": "schema = ", "prices/b.toml": SMALL.replace("half_even", "x")})

    assert isinstance(found, tuple)
    assert [complaint.file for complaint in found] == ["prices/a.toml", "prices/b.toml"]


def test_an_absurdly_long_number_is_a_mistake_and_no_crash() -> None:
    found = read_price_book({"prices/a.toml": f"schema = {'9' * 5000}"})

    assert isinstance(found, tuple)
    assert found[0].message.startswith("is not TOML: ")


def test_a_default_too_long_to_be_written_is_a_mistake_and_no_crash() -> None:
    assert complaints(SMALL.replace("default = 5", f"default = 0x{'f' * 5000}")) == [
        "model[0].factors[0].default: must be a string, a whole number or a boolean"
    ]


def test_a_file_nested_too_deeply_is_a_mistake_and_no_crash() -> None:
    found = read_price_book({"prices/a.toml": f"schema = {'[' * 100_000}"})

    assert isinstance(found, tuple)
    assert found[0].message.startswith("is not TOML: ")


def test_cards_are_put_in_order_by_date_not_by_name() -> None:
    older = card(SMALL, "prices/z.toml")
    newer = card(SMALL.replace("2026-02-18", "2026-03-01").replace("70_000", "80_000"), "prices/a.toml")
    book = price_book([newer, older])
    assert isinstance(book, PriceBook)

    before, after = (
        book.quote("maker/film/text-to-video", None, {"loud": False}, newer.effective_from - wait)
        for wait in (timedelta(microseconds=1), timedelta(0))
    )

    assert isinstance(before, Quote)
    assert isinstance(after, Quote)
    assert (before.rate_card, after.rate_card) == ("z", "a")


def test_the_shipped_prices_are_sound() -> None:
    book = read_price_book({f"prices/{path.name}": path.read_text("utf-8") for path in SHIPPED.glob("*.toml")})

    assert isinstance(book, PriceBook), book
    (first,) = (card for card in book.cards if card.version == "2026-02-18")
    assert first.effective_from == datetime(2026, 2, 18, tzinfo=UTC)
    assert first.rounding is Rounding.HALF_UP
    assert len(first.models) == 143
