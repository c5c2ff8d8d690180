"""What a job costs: the formula, exactly; and everything a client could try in order to be priced for less.

Prices are built by hand here. The shipped ones are held against the provider's facts in `test_shipped_prices.py`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, prod

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.account import Meter
from gateway.core.money import Rounding, round_quotient
from gateway.core.pricing import AppliedFactor, InputRefused, PriceBook, PriceUnknown, Quote
from gateway.core.rate_card import Bounds, Factor, ModelPrice, RateCard, Unit, option, option_text

START = datetime(2026, 2, 18, tzinfo=UTC)
NOW = START + timedelta(days=200)


def factor(
    field: str,
    multipliers: Mapping[str, str],
    default: str | int | bool | None = None,
    from_media: bool = False,
    bounds: Bounds | None = None,
) -> Factor:
    options = tuple(option(text, multiplier) for text, multiplier in multipliers.items())
    return Factor(field, options, default, from_media, bounds)


def card(*models: ModelPrice, version: str = "first", start: datetime = START, rounding: str = "half_up") -> RateCard:
    return RateCard(version, start, Rounding(rounding), {model.slug: model for model in models})


def alone(model: ModelPrice) -> PriceBook:
    return PriceBook((card(model),))


def priced(book: PriceBook, slug: str = "film", /, **inputs: object) -> Quote:
    return priced_at(NOW, book, slug, **inputs)


def priced_at(now: datetime, book: PriceBook, slug: str = "film", /, **inputs: object) -> Quote:
    quote = book.quote(slug, None, inputs, now)
    assert isinstance(quote, Quote), quote
    return quote


def refused(book: PriceBook, slug: str = "film", /, **inputs: object) -> InputRefused:
    return refused_at(NOW, book, slug, **inputs)


def refused_at(now: datetime, book: PriceBook, slug: str = "film", /, **inputs: object) -> InputRefused:
    quote = book.quote(slug, None, inputs, now)
    assert isinstance(quote, InputRefused), quote
    return quote


DURATION = factor("duration", {"5": "5", "10": "10"}, "5")
SOUND = factor("has_sound", {"false": "1", "true": "2"}, "false")
RESOLUTION = factor("resolution", {"720p": "1", "1080p": "1.6667"}, "720p")
COUNT = factor("numImages", {"1": "1", "2": "2"}, 1)
SHOTS = factor("duration", {str(n): str(n) for n in range(3, 16)}, "5", bounds=Bounds("multishot", "duration"))

MODELS = {
    model.slug: model
    for model in (
        ModelPrice("film", 70_000, Unit.SECOND, (DURATION, SOUND), meters={Meter.SECONDS: "duration"}),
        ModelPrice("still", 30_000, Unit.IMAGE, (RESOLUTION, COUNT), meters={Meter.IMAGES: "numImages"}),
        ModelPrice("flat", 40_000, Unit.JOB, free=frozenset({"resolution", "frameRate"}), meters={Meter.IMAGES: 1}),
        ModelPrice("shots", 112_000, Unit.SECOND, (SHOTS, SOUND), meters={Meter.SECONDS: "duration"}),
        ModelPrice(
            "motion",
            70_000,
            Unit.SECOND,
            (factor("length", {"5": "5", "10": "10"}, from_media=True), SOUND),
            meters={Meter.SECONDS: "length"},
        ),
        ModelPrice("strict", 50_000, Unit.SECOND, (factor("duration", {"6": "6", "10": "10"}),)),
        ModelPrice("dated", 1, Unit.JOB, versions=frozenset({"2", "2.1"})),
    )
}
BOOK = PriceBook((card(*MODELS.values()),))


class TestFormula:
    def test_the_seed_job(self) -> None:
        quote = priced(BOOK, "film", prompt="a dog", duration="5", has_sound="true")

        assert quote == Quote(
            model="film",
            version=None,
            amount=700_000,
            hold_amount=700_000,
            factors=(AppliedFactor("duration", "5", "5"), AppliedFactor("has_sound", "true", "2")),
            rate_card="first",
            meters={Meter.SECONDS: 5},
            pinned={},
        )

    @given(
        base=st.integers(0, 10**9),
        ratios=st.lists(st.from_regex(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,6})?", fullmatch=True), max_size=6),
        rounding=st.sampled_from(Rounding),
        data=st.data(),
    )
    def test_any_product_is_exact_and_rounded_once_in_any_order(
        self, base: int, ratios: list[str], rounding: Rounding, data: st.DataObject
    ) -> None:
        factors = [factor(f"f{index}", {"on": ratio, "off": "7"}) for index, ratio in enumerate(ratios)]
        shuffled = data.draw(st.permutations(factors))
        inputs = {one.field: "on" for one in data.draw(st.permutations(factors))}
        exact = base * prod(map(Fraction, ratios), start=Fraction(1))

        for order in (factors, shuffled):
            quote = priced(
                PriceBook((card(ModelPrice("film", base, Unit.JOB, tuple(order)), rounding=rounding),)), **inputs
            )
            assert quote.amount == round_quotient(exact.numerator, exact.denominator, rounding)
            assert quote.hold_amount == ceil(exact)
            assert quote.factors == tuple(
                AppliedFactor(one.field, "on", ratios[int(one.field.removeprefix("f"))]) for one in order
            )

    @pytest.mark.parametrize(("rounding", "amount"), [("half_up", 3), ("half_even", 2), ("down", 2), ("up", 3)])
    def test_a_half_micro_cent(self, rounding: str, amount: int) -> None:
        half = ModelPrice("film", 1, Unit.JOB, (factor("f", {"x": "2.5"}, "x"),))

        quote = priced(PriceBook((card(half, rounding=rounding),)))

        assert (quote.amount, quote.hold_amount) == (amount, 3)

    def test_a_multiplier_is_reported_as_it_was_written(self) -> None:
        (applied,) = priced(alone(ModelPrice("film", 1, Unit.JOB, (factor("f", {"x": "1.50"}, "x"),)))).factors

        assert applied == AppliedFactor("f", "x", "1.50")

    def test_the_request_is_not_changed(self) -> None:
        inputs: dict[str, object] = {"prompt": "a dog"}

        BOOK.quote("film", None, inputs, NOW)

        assert inputs == {"prompt": "a dog"}


class TestOptions:
    @pytest.mark.parametrize(
        ("slug", "omitted", "pinned"),
        [
            ("film", {}, {"duration": "5", "has_sound": "false"}),
            ("film", {"has_sound": "true"}, {"duration": "5"}),
            ("still", {}, {"resolution": "720p", "numImages": 1}),
            ("flat", {}, {}),
        ],
    )
    def test_what_is_left_out_costs_its_default_which_is_pinned_in_its_own_type(
        self, slug: str, omitted: dict[str, object], pinned: dict[str, object]
    ) -> None:
        short = priced(BOOK, slug, **omitted)
        full = priced(BOOK, slug, **omitted, **pinned)

        assert short.pinned == pinned
        assert [type(value) for value in short.pinned.values()] == [type(value) for value in pinned.values()]
        assert full.pinned == {}
        assert (short.amount, short.factors, short.meters) == (full.amount, full.factors, full.meters)

    def test_a_boolean_default_is_pinned_as_a_boolean(self) -> None:
        audio = alone(ModelPrice("film", 10, Unit.JOB, (factor("audio", {"false": "1", "true": "2"}, True),)))

        quote = priced(audio)

        assert quote.amount == 20
        assert quote.pinned == {"audio": True}
        assert quote.pinned["audio"] is True

    @pytest.mark.parametrize(
        ("field", "values"), [("duration", ["10", 10]), ("has_sound", ["true", True]), ("has_sound", ["false", False])]
    )
    def test_a_string_an_integer_and_a_boolean_of_one_meaning_cost_the_same(
        self, field: str, values: list[object]
    ) -> None:
        quotes = [priced(BOOK, "film", **{field: value}) for value in values]

        assert all(quote == quotes[0] for quote in quotes)
        assert field not in quotes[0].pinned

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("duration", value)
            for value in (
                *("05", " 5", "5 ", "5.0", "+5", "5s", "1e1", "5_0", "٥", "5\x00", "", "7", "-5"),
                *(5.0, 10.0, 7, 0, -5, True, None, [], ["5"], {}, {"5": 1}, Decimal(5), b"5", (5,)),
            )
        ]
        + [("has_sound", value) for value in ("TRUE", "True", "1", "yes", "", 1, 0, 1.0, None, [True], "true ")],
    )
    def test_anything_else_is_refused_and_the_options_are_named(self, field: str, value: object) -> None:
        quote = refused(BOOK, "film", **{field: value})

        options = {"duration": ("5", "10"), "has_sound": ("false", "true")}[field]
        assert quote == InputRefused(field, f'"{field}" must be one of "{options[0]}", "{options[1]}".', options)

    @given(
        value=st.one_of(
            st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers()), st.decimals()
        )
    )
    def test_no_value_is_priced_but_those_that_mean_an_option(self, value: object) -> None:
        assume(not isinstance(value, str | int) or option_text(value) not in ("5", "10"))

        assert refused(BOOK, "film", duration=value).field == "duration"

    def test_a_required_factor_left_out_is_refused(self) -> None:
        assert refused(BOOK, "strict") == InputRefused(
            "duration", '"duration" is required: one of "6", "10".', ("6", "10")
        )

    def test_a_required_factor_sent_is_priced(self) -> None:
        assert priced(BOOK, "strict", duration=10).amount == 500_000

    def test_an_integer_means_only_the_option_that_is_written_like_it(self) -> None:
        padded = alone(ModelPrice("film", 10, Unit.JOB, (factor("n", {"05": "1", "٥": "1"}),)))

        assert refused(padded, n=5).options == ("05", "٥")
        assert priced(padded, n="05").amount == 10

    def test_an_integer_too_long_to_be_written_is_refused_like_any_other(self) -> None:
        assert refused(BOOK, "film", duration=10**5000).field == "duration"

    def test_null_is_not_the_same_as_left_out(self) -> None:
        assert refused(BOOK, "film", duration=None).field == "duration"

    def test_a_key_of_another_type_never_equals_an_option(self) -> None:
        """1 == True == 1.0 in Python: a lookup by value alone would take one for the other."""
        one = alone(ModelPrice("film", 10, Unit.JOB, (factor("n", {"1": "1", "true": "9"}),)))

        assert [priced(one, n=value).amount for value in ("1", 1, True, "true")] == [10, 10, 90, 90]
        assert refused(one, n=1.0).options == ("1", "true")


class TestMedia:
    def test_the_dearest_is_held_and_nothing_is_pinned(self) -> None:
        quote = priced(BOOK, "motion", motion_video_url="https://example.com/v.mp4", has_sound=True)

        assert quote.amount == 1_400_000
        assert quote.factors[0] == AppliedFactor("length", "10", "10")
        assert quote.meters == {Meter.SECONDS: 10}
        assert quote.pinned == {}

    @pytest.mark.parametrize("value", ["5", "10", 5, None])
    def test_the_request_cannot_say_it(self, value: object) -> None:
        assert refused(BOOK, "motion", length=value) == InputRefused(
            "length", '"length" cannot be sent: the input media decides it.'
        )

    def test_of_equally_dear_options_the_longest_is_counted(self) -> None:
        same = factor("length", {"5": "2", "30": "2", "9": "2", "90": "1"}, from_media=True)

        quote = priced(alone(ModelPrice("film", 1, Unit.JOB, (same,), meters={Meter.SECONDS: "length"})))

        assert (quote.amount, quote.meters) == (2, {Meter.SECONDS: 30})


class TestGuardedNames:
    @pytest.mark.parametrize("name", ["resolution", "numImages", "multishot", "length"])
    def test_a_name_priced_on_another_model_is_refused(self, name: str) -> None:
        assert refused(BOOK, "film", **{name: "5"}) == InputRefused(
            name, f'"{name}" is priced on other models and is not an input of this one.'
        )

    def test_a_free_field_passes_with_any_value(self) -> None:
        assert priced(BOOK, "flat", resolution={"w": 1e9}, frameRate=None).amount == 40_000

    @pytest.mark.parametrize(
        ("slug", "name", "alike"),
        [
            ("film", "Duration", "duration"),
            ("film", " duration", "duration"),
            ("film", "duration ", "duration"),
            ("film", "duration\u200b", "duration"),
            ("film", "ｄuration", "duration"),
            ("film", "duratıon", "duration"),
            ("film", "DURATİON", "duration"),
            ("film", "has-sound", "has_sound"),
            ("film", "hasSound", "has_sound"),
            ("film", "num_images", "numImages"),
            ("film", "Resolution", "resolution"),
            ("flat", "Resolution", "resolution"),
            ("flat", "frame_rate", "frameRate"),
            ("flat", "Duration", "duration"),
            ("shots", "multi_shot", "multishot"),
            ("motion", "Length", "length"),
        ],
    )
    def test_a_name_too_like_a_guarded_one_is_refused(self, slug: str, name: str, alike: str) -> None:
        quote = refused(BOOK, slug, **{name: "5"})

        assert quote.message == f'"{quote.field}" is not an input of this model and could be taken for "{alike}".'
        assert quote.field == ascii(name)[1:-1]

    def test_what_another_model_has_for_free_is_not_guarded(self) -> None:
        assert priced(BOOK, "film", frameRate=60, frame_rate=60).amount == 350_000

    @pytest.mark.parametrize(
        "name", ["prompt", "aspect_ratio", "seed", "durations", "sound", "_", "", "ж", "input", "__proto__"]
    )
    def test_other_names_pass(self, name: str) -> None:
        assert priced(BOOK, "film", **{name: [1.5, None]}).amount == 350_000

    @given(
        name=st.sampled_from(["duration", "has_sound", "resolution", "multishot", "length"]),
        noise=st.text("_- .\t\x00\u200b\u00ad\u0301\ufeff", max_size=4),
        place=st.integers(0, 12),
        upper=st.booleans(),
    )
    def test_no_disguise_of_a_guarded_name_is_priced(self, name: str, noise: str, place: int, upper: bool) -> None:
        disguised = name[:place] + noise + name[place:]
        disguised = disguised.upper() if upper else disguised
        assume(disguised not in ("duration", "has_sound"))

        refused(BOOK, "film", **{disguised: "5"})

    def test_the_message_shows_hidden_characters_and_stays_short(self) -> None:
        quote = refused(BOOK, "film", **{"duration" + "\u200b" * 100_000: "5"})

        assert quote.field.startswith("duration\\u200b\\u200b")
        assert len(quote.message) < 500


class TestBounds:
    @pytest.mark.parametrize(
        ("inputs", "seconds"),
        [
            ({}, 5),
            ({"multishot": []}, 5),
            ({"multishot": [{"prompt": "a", "duration": 2}, {"duration": "2"}]}, 5),
            ({"multishot": [{"duration": 5}, {"duration": "7"}]}, 12),
            ({"duration": 15, "multishot": [{"duration": 3}]}, 15),
            ({"duration": "3", "multishot": [{"duration": 3}, {"duration": 1}]}, 4),
            ({"multishot": [{"duration": 1}, {"prompt": "no duration"}]}, 15),
            ({"multishot": [{}]}, 15),
        ],
    )
    def test_the_larger_of_field_and_sum_is_priced(self, inputs: dict[str, object], seconds: int) -> None:
        quote = priced(BOOK, "shots", **inputs)

        assert quote.amount == 112_000 * seconds
        assert quote.meters == {Meter.SECONDS: seconds}
        assert quote.factors[0] == AppliedFactor("duration", str(seconds), str(seconds))
        assert quote.pinned.get("duration") == (None if "duration" in inputs else "5")

    @pytest.mark.parametrize(
        "multishot",
        [
            [{"duration": 16}],
            [{"duration": 8}, {"duration": 8}],
            [{"duration": 16}, {}],
            [{"duration": 10**30}],
            [{"duration": 1}] * 16,
        ],
    )
    def test_a_sum_that_is_no_option_is_refused(self, multishot: list[object]) -> None:
        quote = refused(BOOK, "shots", multishot=multishot)

        assert quote.field == "multishot"
        assert quote.message.startswith(
            'The larger of "duration" and the sum of "multishot[].duration" must be one of "3", "4", '
        )
        assert quote.options == tuple(str(n) for n in range(3, 16))

    @pytest.mark.parametrize("multishot", [None, "[]", {}, {"duration": 5}, 5, True, ({"duration": 5},)])
    def test_the_root_must_be_a_list(self, multishot: object) -> None:
        assert refused(BOOK, "shots", multishot=multishot).message == '"multishot" must be a list of objects.'

    @pytest.mark.parametrize("element", [None, 5, "5", [], [{"duration": 5}], True])
    def test_an_element_must_be_an_object(self, element: object) -> None:
        quote = refused(BOOK, "shots", multishot=[{"duration": 5}, element])

        assert (quote.field, quote.message) == ("multishot[1]", '"multishot[1]" must be an object.')

    @pytest.mark.parametrize(
        "value",
        [0, -1, 5.0, 1e1, True, None, [], {}, "", "0", "05", " 5", "5 ", "+5", "-5", "5.0", "1e1", "٥", "9" * 5000],
    )
    def test_a_nested_value_must_be_a_positive_whole_number(self, value: object) -> None:
        quote = refused(BOOK, "shots", multishot=[{"duration": value}])

        assert quote.field == "multishot[0].duration"
        assert quote.message == '"multishot[0].duration" must be a whole number of at least 1.'

    @pytest.mark.parametrize("name", ["Duration", "duration ", "dur_ation", "ｄuration", "duratıon", "duration\u200b"])
    def test_a_nested_name_too_like_the_bounded_one_is_refused(self, name: str) -> None:
        """Also beside the right one: whoever reads the other one runs the longer job."""
        quote = refused(BOOK, "shots", multishot=[{"duration": 1, name: 15}])

        assert quote.message.endswith('could be taken for "duration".')
        assert quote.field == f"multishot[0].{ascii(name)[1:-1]}"

    def test_the_field_itself_must_be_an_option_all_the_same(self) -> None:
        assert refused(BOOK, "shots", duration=2, multishot=[{"duration": 5}]).field == "duration"

    @given(st.lists(st.integers(1, 15), max_size=16), st.integers(3, 15))
    def test_no_list_of_shots_is_priced_below_its_sum(self, shots: list[int], duration: int) -> None:
        inputs = {"duration": duration, "multishot": [{"duration": shot} for shot in shots]}

        quote = BOOK.quote("shots", None, inputs, NOW)

        if sum(shots) > 15:
            assert isinstance(quote, InputRefused)
        else:
            assert isinstance(quote, Quote)
            assert quote.amount == 112_000 * max(duration, sum(shots))


class TestVersionsAndDates:
    @pytest.mark.parametrize("version", [None, "2", "2.1"])
    def test_listed_versions_and_an_omitted_one_are_priced(self, version: str | None) -> None:
        quote = BOOK.quote("dated", version, {}, NOW)

        assert isinstance(quote, Quote)
        assert (quote.amount, quote.version) == (1, version)

    @pytest.mark.parametrize("version", ["1", "2.10", "latest", "", " 2", "2 "])
    def test_any_other_version_is_unknown(self, version: str) -> None:
        assert BOOK.quote("dated", version, {}, NOW) == PriceUnknown("dated", version)

    @pytest.mark.parametrize("version", ["1", "latest", ""])
    def test_where_no_version_is_listed_only_an_omitted_one_is_priced(self, version: str) -> None:
        assert BOOK.quote("film", version, {}, NOW) == PriceUnknown("film", version)

    @pytest.mark.parametrize("slug", ["", "Film", "film ", "film/", "other"])
    def test_a_slug_without_a_price_is_unknown(self, slug: str) -> None:
        assert BOOK.quote(slug, None, {}, NOW) == PriceUnknown(slug, None)

    def test_a_newer_card_replaces_slug_by_slug_from_its_first_microsecond(self) -> None:
        later = START + timedelta(days=30)
        dearer = card(ModelPrice("film", 90_000, Unit.JOB), version="second", start=later, rounding="down")
        book = PriceBook((dearer, card(*MODELS.values())))
        tick = timedelta(microseconds=1)

        prices = [
            (quote.amount, quote.rate_card)
            for now in (START, later - tick, later, later + timedelta(days=9999))
            for quote in [priced_at(now, book)]
        ]

        assert prices == [(350_000, "first")] * 2 + [(90_000, "second")] * 2
        assert priced_at(later, book, "still").rate_card == "first"
        assert book.quote("film", None, {}, START - tick) == PriceUnknown("film", None)
        assert PriceBook(()).quote("film", None, {}, NOW) == PriceUnknown("film", None)

    def test_each_model_keeps_the_rounding_of_its_own_card(self) -> None:
        half = factor("f", {"x": "0.5"}, "x")
        book = PriceBook(
            (
                card(ModelPrice("film", 1, Unit.JOB, (half,)), rounding="up"),
                card(ModelPrice("still", 1, Unit.JOB, (half,)), version="b", start=NOW, rounding="down"),
            )
        )

        assert [priced(book, slug).amount for slug in ("film", "still")] == [1, 0]

    def test_names_are_guarded_while_a_card_that_prices_them_is_in_force(self) -> None:
        later = START + timedelta(days=30)
        fps = ModelPrice("still", 1, Unit.JOB, (factor("fps", {"24": "1", "60": "2"}, "24"),))
        book = PriceBook((card(*MODELS.values()), card(fps, version="second", start=later)))

        assert priced_at(later - timedelta(microseconds=1), book, fps=60).amount == 350_000
        assert refused_at(later, book, fps=60).field == "fps"
        assert refused_at(later - timedelta(microseconds=1), book, numImages=1).field == "numImages"
        assert priced_at(later, book, numImages=1).amount == 350_000

    def test_the_models_in_force_can_be_listed(self) -> None:
        later = card(ModelPrice("film", 90_000, Unit.JOB), version="second", start=NOW)
        book = PriceBook((later, card(*MODELS.values())))

        assert book.models(NOW) == {**MODELS, **later.models}
        assert book.models(NOW - timedelta(microseconds=1)) == MODELS
        assert book.models(START - timedelta(microseconds=1)) == {}


class TestMeters:
    def test_a_meter_counts_the_value_priced_or_a_constant(self) -> None:
        assert priced(BOOK, "film", duration="10").meters == {Meter.SECONDS: 10}
        assert priced(BOOK, "still", numImages="2").meters == {Meter.IMAGES: 2}
        assert priced(BOOK, "still").meters == {Meter.IMAGES: 1}
        assert priced(BOOK, "flat").meters == {Meter.IMAGES: 1}
        assert priced(BOOK, "strict", duration=6).meters == {}
