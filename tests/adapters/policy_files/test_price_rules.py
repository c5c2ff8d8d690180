"""What the values of a price file must be to each other, read from documents that may hold anything."""

from itertools import pairwise
from math import prod

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.adapters.policy_files.price_rules import rules_broken
from gateway.adapters.policy_files.toml import Toml
from gateway.core.money import MAX_AMOUNT

_OF_A_MODEL = ["slug", "base", "factors", "free", "versions", "meters"]
_OF_A_FACTOR = ["field", "multipliers", "default", "from", "bounds"]
keys = st.sampled_from([*_OF_A_MODEL, *_OF_A_FACTOR, "seconds", "images", "5", "10"])
scalars = st.sampled_from(["", "duration", "media", "shots[].seconds", "1.5", "5", 5, -1, 2**60, 2.5, True])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=10
)
models = st.dictionaries(keys, anything | st.lists(st.dictionaries(keys, anything, max_size=5), max_size=3))
whole_numbers = st.integers(0, 2000)
multipliers = st.dictionaries(whole_numbers, st.integers(0, 20), min_size=1, max_size=5)


def broken(model: Toml) -> list[str]:
    """The keys at which a file with this one model breaks a rule."""
    return [key for key, _ in rules_broken({"model": [model]})]


def factor(options: dict[int, int], field: str = "duration", **more: object) -> dict[str, object]:
    return {"field": field, "multipliers": {str(number): str(ratio) for number, ratio in options.items()}, **more}


@given(anything | st.lists(models, max_size=3))
def test_whatever_a_document_holds_the_rules_are_read_to_the_end(value: object) -> None:
    for key, sentence in rules_broken({"model": value}):
        assert key.startswith("model[")
        assert sentence


@given(st.integers(0, MAX_AMOUNT), st.lists(multipliers, max_size=4))
@example(MAX_AMOUNT, [{1: 1}])
def test_a_base_is_too_much_where_the_dearest_options_lead_beyond_exact_numbers(
    base: int, factors: list[dict[int, int]]
) -> None:
    dearest = base * prod(max(options.values()) for options in factors)
    model = {"base": base, "factors": [factor(options, f"field{at}") for at, options in enumerate(factors)]}

    assert broken(model) == (["model[0].base"] if dearest > MAX_AMOUNT else [])


@given(multipliers)
def test_bounds_need_a_factor_that_gets_no_cheaper_as_its_number_grows(options: dict[int, int]) -> None:
    ratios = [options[number] for number in sorted(options)]
    falls = any(later < earlier for earlier, later in pairwise(ratios))

    found = broken({"base": 1, "factors": [factor(options, bounds="shots[].seconds")]})
    assert found == (["model[0].factors[0].bounds"] if falls else [])


@given(multipliers, whole_numbers)
def test_a_default_is_one_of_the_options_in_either_type(options: dict[int, int], default: int) -> None:
    expected = [] if default in options else ["model[0].factors[0].default"]

    assert broken({"base": 1, "factors": [factor(options, default=default)]}) == expected
    assert broken({"base": 1, "factors": [factor(options, default=str(default))]}) == expected


def test_a_name_stands_for_one_thing_wherever_it_is_said() -> None:
    model = {
        "base": 1,
        "factors": [factor({5: 5}, "duration"), factor({1: 1}, "count", bounds="Duration[].count")],
        "free": ["size", "SIZE", 5, "d-u-r-a-t-i-o-n"],
    }

    assert broken(model) == ["model[0].factors[1].bounds", "model[0].free[1]", "model[0].free[3]"]


def test_names_of_different_models_have_nothing_to_do_with_each_other() -> None:
    models = [{"slug": slug, "base": 1, "factors": [factor({5: 5})], "versions": ["1"]} for slug in ("a", "b")]

    assert list(rules_broken({"model": models})) == []


def test_a_slug_that_is_priced_twice_is_told_where_it_was_first() -> None:
    assert list(rules_broken({"model": [{"slug": "a"}, {"slug": "b"}, {"slug": "a"}]})) == [
        ("model[2].slug", "is priced already, in model[0]")
    ]


def test_a_mistaken_figure_hides_no_other_mistake() -> None:
    mistaken = factor({5: 5}, default="7")
    model = {"base": "much", "factors": [mistaken, "none"], "meters": {"seconds": "length"}, "versions": ["2", "2"]}

    assert sorted(broken(model)) == [
        "model[0].factors[0].default",
        "model[0].meters.seconds",
        "model[0].versions[1]",
    ]
