"""Patterns of models: only the star is special, and a pattern matches a whole slug."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.model_glob import matches

letters = st.text("ab/.*", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "model"),
    [
        ("*", "kling/kling-2.6-pro/text-to-video"),
        ("kling/*", "kling/kling-2.6-pro/text-to-video"),
        ("*/text-to-video", "kling/kling-2.6-pro/text-to-video"),
        ("kling/*/text-to-*", "kling/kling-2.6-pro/text-to-video"),
        ("kling/a", "kling/a"),
        ("a*a", "aa"),
        ("**", ""),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, model: str) -> None:
    assert matches((pattern,), model)


@pytest.mark.parametrize(
    ("pattern", "model"),
    [
        ("kling/*", "google/kling/a"),
        ("kling", "kling/a"),
        ("Kling/*", "kling/a"),
        ("kling-2.6", "kling-2x6"),
        ("kling-[0-9]", "kling-2"),
        ("kling-?", "kling-2"),
        ("a*a", "a"),
        ("*b*b*", "ab"),
        ("", "a"),
    ],
)
def test_nothing_else_does(pattern: str, model: str) -> None:
    assert not matches((pattern,), model)


def test_no_pattern_matches_nothing_and_one_of_many_is_enough() -> None:
    assert not matches((), "kling/a")
    assert matches(("google/*", "kling/*"), "kling/a")


@given(letters, letters)
def test_a_pattern_means_what_the_regular_expression_does(pattern: str, model: str) -> None:
    expression = "".join(".*" if char == "*" else re.escape(char) for char in pattern)

    assert matches((pattern,), model) == (re.fullmatch(expression, model) is not None)


def test_many_stars_take_no_time() -> None:
    assert not matches(("*a" * 100 + "b",), "a" * 200)
